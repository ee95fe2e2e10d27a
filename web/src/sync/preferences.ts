/**
 * What the person prefers, the same on every device.
 * Invariant: shows a change at once, and takes it back if the server refuses it.
 */
import type { PreferencesApi } from "./api";
import type { Preferences } from "./contract";
import type { Context } from "./context";
import { Value } from "./store";

export const DEFAULT_PREFERENCES: Preferences = {
  notify: "all",
  sound: false,
  enterSends: true,
  theme: "system",
  density: "comfortable",
};

type Patch = { [K in keyof Preferences]?: Preferences[K] | null };

export class PreferencesBook implements PreferencesApi {
  readonly state = new Value<Preferences>(DEFAULT_PREFERENCES);
  readonly #context: Context;
  /** Changes on their way: what is loaded meanwhile is older than they are. */
  #changes = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  readonly update = async (patch: Patch): Promise<void> => {
    const before = this.state.getSnapshot();
    this.#set(patched(before, patch));
    this.#changes += 1;
    try {
      const told = await this.#context.http.patch<Preferences>("/v1/account/preferences", { body: patch });
      if (this.#changes === 1) this.#set({ ...DEFAULT_PREFERENCES, ...told });
    } catch (error) {
      if (this.#changes === 1) this.#set(before);
      throw error;
    } finally {
      this.#changes -= 1;
    }
  };

  async restore(): Promise<void> {
    const kept = await this.#context.storage.get("meta", "preferences");
    if (kept?.name === "preferences") this.state.set({ ...DEFAULT_PREFERENCES, ...kept.preferences });
  }

  async load(): Promise<void> {
    const told = await this.#context.http.get<Preferences>("/v1/account/preferences").catch(() => undefined);
    if (told !== undefined && this.#changes === 0) this.#set({ ...DEFAULT_PREFERENCES, ...told });
  }

  forget(): void {
    this.state.set(DEFAULT_PREFERENCES);
  }

  #set(preferences: Preferences): void {
    this.state.set(preferences);
    void this.#context.storage.put("meta", [{ name: "preferences", preferences }]).catch(() => undefined);
  }
}

function patched(preferences: Preferences, patch: Patch): Preferences {
  const entries = Object.entries({ ...preferences, ...patch }).filter(([, value]) => value !== null);
  return Object.fromEntries(entries) as unknown as Preferences;
}
