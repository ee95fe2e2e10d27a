/**
 * The tabs of one device: who is alive, who leads, and what they tell each other.
 * Knows browsers only at `browserTabs`; everything else is an interface, so that tests can run many tabs in one process.
 */
import { Value, type Store } from "./store";

/** What tabs tell each other. */
export type TabMessage =
  | { readonly type: "loggedIn" }
  | { readonly type: "loggedOut" }
  /** Name, picture or status of whoever is logged in. */
  | { readonly type: "account" }
  | { readonly type: "draft"; readonly conversationId: string };

export interface Tabs {
  /** This tab, until it is closed or reloaded. */
  readonly id: string;
  /** Whether this is the one tab that makes noise and looks after what others left behind. */
  readonly leads: Store<boolean>;
  readonly tell: (message: TabMessage) => void;
  readonly onTold: (listener: (message: TabMessage) => void) => () => void;
  /** Which of these tabs are still there. */
  readonly alive: (tabs: readonly string[]) => Promise<ReadonlySet<string>>;
}

const LEADER = "dynamowave-leader";
const lockOf = (tab: string) => `dynamowave-tab-${tab}`;

/** Tabs by Web Locks, which a browser releases when a tab is gone, however it went; and a channel between them. */
export function browserTabs(id: string): Tabs {
  const leads = new Value(false);
  const listeners = new Set<(message: TabMessage) => void>();
  const channel = new BroadcastChannel("dynamowave");
  channel.onmessage = (event: MessageEvent<TabMessage>) => listeners.forEach((listener) => listener(event.data));
  const forever = () => new Promise<never>(() => undefined);
  // Plain HTTP on another host has no locks: then every tab looks after itself, and D2 forgives what two of them send.
  const locks = (navigator as { locks?: LockManager }).locks;
  if (locks === undefined) leads.set(true);
  else {
    void locks.request(lockOf(id), forever);
    void locks.request(LEADER, () => {
      leads.set(true);
      return forever();
    });
  }
  return {
    id,
    leads,
    tell: (message) => channel.postMessage(message),
    onTold(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async alive(tabs) {
      if (locks === undefined) return new Set([id]);
      const held = new Set((await locks.query()).held?.map((lock) => lock.name));
      return new Set(tabs.filter((tab) => tab === id || held.has(lockOf(tab))));
    },
  };
}
