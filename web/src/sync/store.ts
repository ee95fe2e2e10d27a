/**
 * Observable values, the one way in which the core tells the pages that something changed.
 * Invariant: a snapshot never changes after it was handed out, and keeps its identity while nothing changed,
 * so that `useSyncExternalStore(store.subscribe, store.getSnapshot)` renders no more than needed.
 */

/** A value that changes. Both functions may be passed around without their object. */
export interface Store<T> {
  readonly subscribe: (listener: () => void) => () => void;
  readonly getSnapshot: () => T;
}

/** A store whose owner sets it. */
export class Value<T> implements Store<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(initial: T) {
    this.#value = initial;
  }

  readonly getSnapshot = (): T => this.#value;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  update(change: (value: T) => T): void {
    this.set(change(this.#value));
  }
}

/** A store that is worked out from others when it is asked for, and again only after one of them changed. */
export class Derived<T> implements Store<T> {
  readonly #sources: readonly Store<unknown>[];
  readonly #compute: () => T;
  #seen: readonly unknown[] | undefined;
  #value: T | undefined;

  constructor(sources: readonly Store<unknown>[], compute: () => T) {
    this.#sources = sources;
    this.#compute = compute;
  }

  readonly getSnapshot = (): T => {
    const now = this.#sources.map((source) => source.getSnapshot());
    if (this.#seen === undefined || now.some((value, index) => !Object.is(value, this.#seen?.[index]))) {
      this.#value = this.#compute();
      this.#seen = now;
    }
    return this.#value as T;
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    const ends = this.#sources.map((source) => source.subscribe(listener));
    return () => ends.forEach((end) => end());
  };
}
