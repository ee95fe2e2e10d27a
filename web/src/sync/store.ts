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

/** What scheduling `Lazy` needs. */
interface Scheduler {
  readonly now: () => number;
  readonly schedule: (delayMs: number, run: () => void) => () => void;
}

/**
 * A store that is worked out when it is asked for, and whose listeners hear of changes together: at most once in
 * `everyMs`, so that a thousand events a second cost a few renders.
 */
export class Lazy<T> implements Store<T> {
  readonly #scheduler: Scheduler;
  readonly #compute: () => T;
  readonly #everyMs: number;
  readonly #listeners = new Set<() => void>();
  #value: T | undefined;
  #isDirty = true;
  #isScheduled = false;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(scheduler: Scheduler, everyMs: number, compute: () => T) {
    this.#scheduler = scheduler;
    this.#everyMs = everyMs;
    this.#compute = compute;
  }

  readonly getSnapshot = (): T => {
    if (this.#isDirty) {
      this.#value = this.#compute();
      this.#isDirty = false;
    }
    return this.#value as T;
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Something it is made of changed. */
  readonly touch = (): void => {
    this.#isDirty = true;
    if (this.#isScheduled || this.#listeners.size === 0) return;
    this.#isScheduled = true;
    const delayMs = Math.max(0, this.#toldAt + this.#everyMs - this.#scheduler.now());
    this.#scheduler.schedule(delayMs, () => this.#tell());
  };

  #tell(): void {
    this.#isScheduled = false;
    this.#toldAt = this.#scheduler.now();
    for (const listener of [...this.#listeners]) listener();
  }
}
