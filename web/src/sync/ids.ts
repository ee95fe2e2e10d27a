/**
 * UUIDv7: names for commands, made here before the first try (P41).
 * Invariant: those of one tab ascend, also within a millisecond, so that their order is the order of writing.
 */
import type { Environment } from "../connection/environment";

export type NewId = () => string;

export function idMaker(environment: Pick<Environment, "now" | "random">): NewId {
  let lastMs = 0;
  let counter = 0;
  return () => {
    const now = environment.now();
    if (now > lastMs) {
      lastMs = now;
      counter = Math.floor(environment.random() * 0x400);
    } else if (++counter > 0xfff) {
      lastMs += 1;
      counter = 0;
    }
    return format(lastMs, counter, environment.random);
  };
}

function format(ms: number, counter: number, random: () => number): string {
  const time = Math.floor(ms).toString(16).padStart(12, "0");
  const bits = (length: number) => Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join("");
  const variant = (8 + Math.floor(random() * 4)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, "0")}-${variant}${bits(3)}-${bits(12)}`;
}
