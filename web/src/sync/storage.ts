/**
 * What is kept on the device across reloads, as an interface: tables of records by key.
 * Knows no rule. Invariant: `update` is one transaction, so that tabs that share the tables do not overwrite each other.
 */
import type { ChatEvent, ConversationId, UserId } from "../protocol/types";
import type { Account, Preferences, ServerInfo, User } from "./contract";
import type { Draft } from "./api";
import type { Entry } from "./outbox";
import type { Summary } from "./summary";

/** The tables, and what a record of each is. */
export interface Tables {
  /** Single values under their names. */
  meta: MetaRecord;
  summaries: Summary;
  windows: CachedWindow;
  users: User;
  drafts: Draft & { conversationId: ConversationId };
  outbox: Entry;
}

export type MetaRecord =
  /** Whose all of it is, also while nobody is logged in. */
  | { name: "owner"; userId: UserId }
  | { name: "account"; account: Account }
  | { name: "server"; server: ServerInfo }
  | { name: "preferences"; preferences: Preferences }
  | { name: "history"; epoch: string; token?: string }
  | { name: "marks"; marks: Readonly<Record<ConversationId, number>> };

/** The last part of a conversation's log. */
export interface CachedWindow {
  conversationId: ConversationId;
  epoch: string;
  appliedSeq: number;
  usedAtMs: number;
  events: readonly ChatEvent[];
}

/** The member that is the key of a table. */
export const KEYS: { readonly [T in keyof Tables]: string } = {
  meta: "name",
  summaries: "conversationId",
  windows: "conversationId",
  users: "userId",
  drafts: "conversationId",
  outbox: "id",
};

export type TableName = keyof Tables;

export interface Storage {
  readonly get: <T extends TableName>(table: T, key: string) => Promise<Tables[T] | undefined>;
  readonly all: <T extends TableName>(table: T) => Promise<readonly Tables[T][]>;
  readonly put: <T extends TableName>(table: T, records: readonly Tables[T][]) => Promise<void>;
  readonly delete: (table: TableName, keys: readonly string[]) => Promise<void>;
  /** Reads and writes one record as one step; `undefined` from `change` leaves it as it is. */
  readonly update: <T extends TableName>(
    table: T,
    key: string,
    change: (record: Tables[T] | undefined) => Tables[T] | undefined,
  ) => Promise<void>;
  /** Forgets everything: the login is over. */
  readonly clear: () => Promise<void>;
}

export function keyOf<T extends TableName>(table: T, record: Tables[T]): string {
  return String((record as unknown as Record<string, unknown>)[KEYS[table]]);
}

/** Tables in memory: where a browser refuses to keep anything, the client works until the page is closed. */
export class MemoryStorage implements Storage {
  readonly #tables = new Map<TableName, Map<string, unknown>>();

  readonly get = <T extends TableName>(table: T, key: string): Promise<Tables[T] | undefined> =>
    Promise.resolve(this.#table(table).get(key) as Tables[T] | undefined);

  readonly all = <T extends TableName>(table: T): Promise<readonly Tables[T][]> =>
    Promise.resolve([...this.#table(table).values()] as Tables[T][]);

  readonly put = <T extends TableName>(table: T, records: readonly Tables[T][]): Promise<void> => {
    for (const record of records) this.#table(table).set(keyOf(table, record), structuredClone(record));
    return Promise.resolve();
  };

  readonly delete = (table: TableName, keys: readonly string[]): Promise<void> => {
    for (const key of keys) this.#table(table).delete(key);
    return Promise.resolve();
  };

  readonly update = <T extends TableName>(
    table: T,
    key: string,
    change: (record: Tables[T] | undefined) => Tables[T] | undefined,
  ): Promise<void> => {
    const changed = change(this.#table(table).get(key) as Tables[T] | undefined);
    if (changed !== undefined) this.#table(table).set(key, structuredClone(changed));
    return Promise.resolve();
  };

  readonly clear = (): Promise<void> => {
    this.#tables.clear();
    return Promise.resolve();
  };

  #table(name: TableName): Map<string, unknown> {
    const known = this.#tables.get(name);
    if (known !== undefined) return known;
    const made = new Map<string, unknown>();
    this.#tables.set(name, made);
    return made;
  }
}
