/**
 * The pages by address and by whether somebody is logged in.
 * Knows which feature shows where, and nothing of how it looks.
 */
export function App() {
  return null;
}
