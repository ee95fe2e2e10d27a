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
    request.onload = ended(() => {
      const answer = read(request);
      if (answer instanceof ApiError) reject(answer);
      else resolve(answer as T);
    });
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

/** The answer's body, or what went wrong. */
function read({ status, responseText }: XMLHttpRequest): unknown {
  const unreadable = new ApiError("bad_answer", `The server answered ${status}.`, { status });
  try {
    const body: unknown = JSON.parse(responseText);
    if (status >= 200 && status < 300) return body;
    const problem = body as Partial<Problem>;
    const { code, detail } = problem;
    return code === undefined || detail === undefined ? unreadable : ApiError.ofProblem({ type: "", title: "", ...problem, status, code, detail });
  } catch {
    return unreadable;
  }
}
