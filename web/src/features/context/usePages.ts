/**
 * A list that is fetched page by page.
 * Grows by `more`, begins anew with `again`; an answer to an older question is dropped.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import type { Page } from "../../sync/api";

export interface Pages<T> {
  readonly items: readonly T[];
  readonly loading: boolean;
  readonly error: unknown;
  readonly hasMore: boolean;
  readonly more: () => void;
  readonly again: () => void;
  /** Changes what is shown without asking again. */
  readonly change: (change: (items: readonly T[]) => readonly T[]) => void;
}

interface State<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
  readonly loading: boolean;
  readonly error: unknown;
}

/** `fetchPage` has to keep its identity (`useCallback`) while the question is the same. */
export function usePages<T>(fetchPage: (cursor: string | undefined) => Promise<Page<T>>): Pages<T> {
  const [state, setState] = useState<State<T>>({ items: [], next: undefined, loading: true, error: undefined });
  const question = useRef(0);
  const fetchNext = useCallback(
    (cursor: string | undefined, before: readonly T[]) => {
      question.current += 1;
      const asked = question.current;
      setState((state) => ({ ...state, loading: true, error: undefined }));
      fetchPage(cursor).then(
        (page) => {
          if (question.current !== asked) return;
          setState({ items: [...before, ...page.items], next: page.next, loading: false, error: undefined });
        },
        (error: unknown) => {
          if (question.current === asked) setState((state) => ({ ...state, loading: false, error }));
        },
      );
    },
    [fetchPage],
  );
  const again = useCallback(() => fetchNext(undefined, []), [fetchNext]);
  useEffect(() => {
    again();
    return () => {
      question.current += 1;
    };
  }, [again]);
  const more = () => {
    if (!state.loading && state.next !== undefined) fetchNext(state.next, state.items);
  };
  const change = useCallback((apply: (items: readonly T[]) => readonly T[]) => {
    setState((state) => ({ ...state, items: apply(state.items) }));
  }, []);
  return { items: state.items, loading: state.loading, error: state.error, hasMore: state.next !== undefined, more, again, change };
}
