/**
 * The tables of `storage.ts` in IndexedDB.
 * Invariant: whatever the browser does (refuses, evicts, closes the database for a newer page), the client goes on;
 * what could not be kept is fetched again, and an outbox that cannot be kept works as long as the page is open.
 */
import { deleteDB, openDB, type IDBPDatabase } from "idb";

import { KEYS, MemoryStorage, type Storage, type TableName, type Tables } from "./storage";

/** The tables' shapes; a change of them is a new number, and what was kept is fetched again, but for the outbox and drafts. */
const VERSION = 1;
const NAME = "dynamowave";
const TABLES = Object.keys(KEYS) as TableName[];

export async function openStorage(name: string = NAME): Promise<Storage> {
  try {
    return new Database(await open(name));
  } catch {
    return new MemoryStorage();
  }
}

/** For tests. */
export function deleteStorage(name: string = NAME): Promise<void> {
  return deleteDB(name);
}

function open(name: string): Promise<IDBPDatabase> {
  return openDB(name, VERSION, {
    upgrade(database) {
      for (const table of TABLES) {
        if (!database.objectStoreNames.contains(table)) database.createObjectStore(table, { keyPath: KEYS[table] });
      }
    },
    // A newer page in another tab wants to change the tables: let it.
    blocking(_current, _blocked, event) {
      (event.target as IDBDatabase).close();
    },
  });
}

class Database implements Storage {
  readonly #database: IDBPDatabase;

  constructor(database: IDBPDatabase) {
    this.#database = database;
  }

  readonly get = <T extends TableName>(table: T, key: string): Promise<Tables[T] | undefined> =>
    this.#database.get(table, key) as Promise<Tables[T] | undefined>;

  readonly all = <T extends TableName>(table: T): Promise<readonly Tables[T][]> =>
    this.#database.getAll(table) as Promise<Tables[T][]>;

  readonly put = async <T extends TableName>(table: T, records: readonly Tables[T][]): Promise<void> => {
    if (records.length === 0) return;
    const transaction = this.#database.transaction(table, "readwrite");
    const writes = records.map((record) => transaction.store.put(record));
    await Promise.all([...writes, transaction.done]);
  };

  readonly delete = async (table: TableName, keys: readonly string[]): Promise<void> => {
    if (keys.length === 0) return;
    const transaction = this.#database.transaction(table, "readwrite");
    const writes = keys.map((key) => transaction.store.delete(key));
    await Promise.all([...writes, transaction.done]);
  };

  readonly update = async <T extends TableName>(
    table: T,
    key: string,
    change: (record: Tables[T] | undefined) => Tables[T] | undefined,
  ): Promise<void> => {
    const transaction = this.#database.transaction(table, "readwrite");
    const changed = change((await transaction.store.get(key)) as Tables[T] | undefined);
    if (changed !== undefined) await transaction.store.put(changed);
    await transaction.done;
  };

  readonly clear = async (): Promise<void> => {
    const transaction = this.#database.transaction(TABLES, "readwrite");
    const writes = TABLES.map((table) => transaction.objectStore(table).clear());
    await Promise.all([...writes, transaction.done]);
  };
}
