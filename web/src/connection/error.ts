/**
 * What can go wrong with a request, by what a caller does about it.
 * Knows the codes of the wire; never carries more of an answer than the problem document.
 */
import { CODES } from "../protocol/constants";
import type { Code, Problem } from "../protocol/types";

/** The server's codes, and those of this side: no connection, no answer in time, an answer that is none, given up. */
export type ErrorCode = Code | "offline" | "no_answer" | "bad_answer" | "aborted";

/** A request that did not succeed. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode;
  /** 0 when no answer came. */
  readonly status: number;
  /** The member or parameter that is wrong, if the server named one. */
  readonly field: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, detail: { status?: number; field?: string | undefined; retryAfterMs?: number | undefined } = {}) {
    super(message);
    this.code = code;
    this.status = detail.status ?? 0;
    this.field = detail.field;
    this.retryAfterMs = detail.retryAfterMs;
  }

  /** Whether the same request can succeed later. */
  get retryable(): boolean {
    return isRetryable(this.code, this.status);
  }

  static ofProblem(problem: Problem): ApiError {
    const { code, detail, status, field, retryAfterMs } = problem;
    return new ApiError(code, detail, { status, field, retryAfterMs });
  }
}

/** Whether what was answered with this code can succeed later (P61). Unknown codes go by their status. */
export function isRetryable(code: string, status = 0): boolean {
  if (code === "offline" || code === "no_answer") return true;
  const known: Partial<Record<string, { retry: string }>> = CODES;
  const entry = known[code];
  return entry === undefined ? status === 429 || status === 503 || status === 504 : entry.retry === "later";
}
