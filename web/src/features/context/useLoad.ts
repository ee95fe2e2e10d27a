/**
 * Something to be fetched when a part appears, and again when asked.
 * An answer to an older question is dropped; while it is fetched again the last answer stays.
 */
import { useCallback, useEffect, useState } from "react";

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: unknown;
  readonly loading: boolean;
  readonly again: () => void;
}

interface Result<T> {
  readonly value: T | undefined;
  readonly error: unknown;
  readonly loading: boolean;
}

/** `load` has to keep its identity (`useCallback`) while the question is the same. */
export function useLoad<T>(load: () => Promise<T>): Loaded<T> {
  const [round, setRound] = useState(0);
  const [result, setResult] = useState<Result<T>>({ value: undefined, error: undefined, loading: true });
  useEffect(() => {
    let current = true;
    setResult((before) => ({ ...before, loading: true }));
    load().then(
      (value) => {
        if (current) setResult({ value, error: undefined, loading: false });
      },
      (error: unknown) => {
        if (current) setResult((before) => ({ value: before.value, error, loading: false }));
      },
    );
    return () => {
      current = false;
    };
  }, [load, round]);
  const again = useCallback(() => setRound((before) => before + 1), []);
  return { ...result, again };
}
