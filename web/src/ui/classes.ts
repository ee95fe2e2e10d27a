/**
 * Joins class names, leaving out what is off.
 * Knows nothing of the names: CSS modules give them.
 */
export function classes(...names: readonly (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(" ");
}
