/**
 * A browser and a system, from what a client calls itself.
 * A guess for people: nothing depends on it.
 */
const BROWSERS = [
  [/\bEdg(?:e|A|iOS)?\//u, "Edge"],
  [/\bOPR\//u, "Opera"],
  [/\b(?:Firefox|FxiOS)\//u, "Firefox"],
  [/\b(?:Chrome|CriOS|HeadlessChrome)\//u, "Chrome"],
  [/\bSafari\//u, "Safari"],
  [/^curl\//u, "curl"],
] as const;

const SYSTEMS = [
  [/iPhone|iPad/u, "iOS"],
  [/Android/u, "Android"],
  [/Windows/u, "Windows"],
  [/Mac OS X/u, "macOS"],
  [/CrOS/u, "ChromeOS"],
  [/Linux/u, "Linux"],
] as const;

export interface Device {
  readonly browser?: string;
  readonly system?: string;
}

/** What can be told of it; programs are called what they call themselves. */
export function deviceOf(agent: string): Device | undefined {
  const browser = BROWSERS.find(([pattern]) => pattern.test(agent))?.[1];
  const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1];
  if (browser === undefined && system === undefined) return agent.trim() === "" ? undefined : { browser: agent.slice(0, 40) };
  return { ...(browser === undefined ? {} : { browser }), ...(system === undefined ? {} : { system }) };
}
