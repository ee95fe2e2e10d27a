/**
 * Sending one file with its progress. `fetch` cannot tell how much of a body is sent; XMLHttpRequest can.
 * Knows nothing of what the file is for.
 */
import type { Problem } from "../protocol/types";
import { ApiError } from "./error";
import { UPLOAD_STALL_MS } from "./limits";

export interface FileTransfer<T> {
  readonly done: Promise<T>;
  readonly cancel: () => void;
}

/** Sends `file` as the body. `progress` hears the part that is sent, 0 to 1. */
export function sendFile<T>(path: string, file: Blob, progress: (part: number) => void): FileTransfer<T> {
  const request = new XMLHttpRequest();
  const done = new Promise<T>((resolve, reject) => {
    let stall = 0;
    const alive = () => {
      clearTimeout(stall);
      stall = window.setTimeout(() => {
        request.abort();
        reject(new ApiError("no_answer", "The upload does not get on."));
      }, UPLOAD_STALL_MS);
    };
    const ended = (outcome: () => void) => () => {
      clearTimeout(stall);
      outcome();
    };
    request.upload.onprogress = (event) => {
      alive();
      if (event.lengthComputable && event.total > 0) progress(event.loaded / event.total);
    };
    request.onload = ended(() => settle(request, resolve, reject));
    request.onerror = ended(() => reject(new ApiError("offline", "The server cannot be reached.")));
    request.onabort = ended(() => reject(new ApiError("aborted", "Given up.")));
    request.open("POST", path);
    request.setRequestHeader("Content-Type", file.type === "" ? "application/octet-stream" : file.type);
    request.setRequestHeader("Accept", "application/json");
    alive();
    request.send(file);
  });
  return { done, cancel: () => request.abort() };
}

function settle<T>(request: XMLHttpRequest, resolve: (value: T) => void, reject: (error: ApiError) => void): void {
  let body: unknown;
  try {
    body = JSON.parse(request.responseText);
  } catch {
    return reject(new ApiError("bad_answer", `The server answered ${request.status}.`, { status: request.status }));
  }
  if (request.status >= 200 && request.status < 300) return resolve(body as T);
  const problem = body as Partial<Problem>;
  const { code, detail } = problem;
  if (code === undefined || detail === undefined) {
    return reject(new ApiError("bad_answer", `The server answered ${request.status}.`, { status: request.status }));
  }
  reject(ApiError.ofProblem({ type: "", title: "", ...problem, status: request.status, code, detail }));
}
