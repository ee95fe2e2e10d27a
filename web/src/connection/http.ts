/**
 * Requests to the server: JSON in, JSON out, every failure an `ApiError`.
 * Knows no route by name. Logins travel as a cookie that scripts cannot read, so there is no secret here.
 */
import type { Problem } from "../protocol/types";
import type { Environment } from "./environment";
import { ApiError } from "./error";
import { REQUEST_TIMEOUT_MS } from "./limits";

export interface RequestOptions {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: Blob;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export class Http {
  readonly #environment: Environment;
  readonly #unauthorized: (error: ApiError) => void;

  /** `unauthorized` hears of every answer that says the login is over. */
  constructor(environment: Environment, unauthorized: (error: ApiError) => void) {
    this.#environment = environment;
    this.#unauthorized = unauthorized;
  }

  readonly get = <T>(path: string, options?: RequestOptions): Promise<T> => this.request<T>("GET", path, options);
  readonly post = <T>(path: string, options?: RequestOptions): Promise<T> => this.request<T>("POST", path, options);
  readonly put = <T>(path: string, options?: RequestOptions): Promise<T> => this.request<T>("PUT", path, options);
  readonly patch = <T>(path: string, options?: RequestOptions): Promise<T> => this.request<T>("PATCH", path, options);
  readonly delete = <T = void>(path: string, options?: RequestOptions): Promise<T> => this.request<T>("DELETE", path, options);

  async request<T>(method: Method, path: string, options: RequestOptions = {}): Promise<T> {
    const response = await this.#exchange(method, path, options);
    if (response.ok) return (await readJson(response)) as T;
    const error = await readProblem(response);
    if (error.code === "unauthorized" || error.code === "account_disabled") this.#unauthorized(error);
    throw error;
  }

  /** Sends and waits for the head of the answer, at most as long as is given. */
  async #exchange(method: Method, path: string, options: RequestOptions): Promise<Response> {
    const abort = new AbortController();
    const time = { isOver: false };
    const cancel = this.#environment.schedule(options.timeoutMs ?? REQUEST_TIMEOUT_MS, () => {
      time.isOver = true;
      abort.abort();
    });
    const given = () => abort.abort();
    options.signal?.addEventListener("abort", given);
    if (options.signal?.aborted === true) abort.abort();
    try {
      return await this.#environment.fetch(path + queryText(options.query), init(method, options, abort.signal));
    } catch {
      if (time.isOver) throw new ApiError("no_answer", "The server did not answer in time.");
      if (abort.signal.aborted) throw new ApiError("aborted", "Given up.");
      throw new ApiError("offline", "The server cannot be reached.");
    } finally {
      cancel();
      options.signal?.removeEventListener("abort", given);
    }
  }
}

function init(method: Method, options: RequestOptions, signal: AbortSignal): RequestInit {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  const base = { method, headers, signal, credentials: "same-origin", cache: "no-store", redirect: "error" } as const;
  if (options.raw !== undefined) {
    headers["Content-Type"] = options.raw.type === "" ? "application/octet-stream" : options.raw.type;
    return { ...base, body: options.raw };
  }
  if (options.body === undefined) return base;
  headers["Content-Type"] = "application/json";
  return { ...base, body: JSON.stringify(options.body) };
}

function queryText(query: RequestOptions["query"]): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

async function readJson(response: Response): Promise<unknown> {
  if (response.status === 204) return undefined;
  try {
    return await response.json();
  } catch {
    throw new ApiError("bad_answer", "The server's answer cannot be read.", { status: response.status });
  }
}

async function readProblem(response: Response): Promise<ApiError> {
  try {
    const problem = (await response.json()) as Partial<Problem>;
    if (typeof problem.code === "string" && typeof problem.detail === "string") {
      return ApiError.ofProblem({ type: "", title: "", ...problem, status: response.status, code: problem.code, detail: problem.detail });
    }
  } catch {
    // Not a problem document: a proxy's page, most likely.
  }
  const isAway = response.status === 502 || response.status === 503 || response.status === 504;
  return new ApiError(isAway ? "offline" : "bad_answer", `The server answered ${response.status}.`, { status: response.status });
}
