/**
 * The core, for components: one context and the hooks that watch its stores.
 * Invariant: components learn of changes by these hooks only, and never keep copies.
 */
import { createContext, useContext, useSyncExternalStore, type ReactNode } from "react";

import type { Client, Store } from "../sync/api";

const ClientContext = createContext<Client | undefined>(undefined);

/** Gives the core to everything below. */
export function ClientProvider({ client, children }: { client: Client; children: ReactNode }) {
  return <ClientContext value={client}>{children}</ClientContext>;
}

/** The core. */
export function useClient(): Client {
  const client = useContext(ClientContext);
  if (client === undefined) throw new Error("invariant: everything is below ClientProvider");
  return client;
}

/** A store's value, watched. */
export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.getSnapshot);
}

/** A part of a store's value, watched: `select` must give an identical value while nothing relevant changed. */
export function useSelected<T, S>(store: Store<T>, select: (value: T) => S): S {
  return useSyncExternalStore(store.subscribe, () => select(store.getSnapshot()));
}
