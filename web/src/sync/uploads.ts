/**
 * Files on their way to the server, for the next message of a conversation.
 * Invariant: few at the same time; what is refused for its size or number never leaves the device.
 */
import { ApiError } from "../connection/error";
import type { FileTransfer } from "../connection/upload";
import { LIMITS } from "../protocol/constants";
import type { ConversationId } from "../protocol/types";
import type { Upload, UploadsApi } from "./api";
import type { Attachment, ServerInfo } from "./contract";
import type { Context } from "./context";
import { UPLOADS_AT_ONCE } from "./limits";
import { Value, type Store } from "./store";

export type SendFile = (path: string, file: Blob, progress: (part: number) => void) => FileTransfer<Attachment>;

/** One file and how it stands. */
interface Job {
  readonly file: File;
  readonly conversationId: ConversationId;
  transfer: FileTransfer<Attachment> | undefined;
}

const NONE: readonly Upload[] = [];

export class Uploads implements UploadsApi {
  readonly #context: Context;
  readonly #sendFile: SendFile;
  readonly #server: () => ServerInfo | undefined;
  readonly #stores = new Map<ConversationId, Value<readonly Upload[]>>();
  readonly #jobs = new Map<string, Job>();

  constructor(context: Context, sendFile: SendFile, server: () => ServerInfo | undefined) {
    this.#context = context;
    this.#sendFile = sendFile;
    this.#server = server;
  }

  readonly of = (conversationId: ConversationId): Store<readonly Upload[]> => this.#store(conversationId);

  readonly add = (conversationId: ConversationId, files: readonly File[]): void => {
    const store = this.#store(conversationId);
    for (const file of files) {
      const uploadId = this.#context.newId();
      const isImage = file.type.startsWith("image/") && file.type !== "image/svg+xml";
      const upload: Upload = {
        uploadId,
        conversationId,
        name: file.name,
        sizeBytes: file.size,
        contentType: file.type,
        state: "waiting",
        progress: 0,
        ...(isImage ? { previewUrl: URL.createObjectURL(file) } : {}),
      };
      this.#jobs.set(uploadId, { file, conversationId, transfer: undefined });
      const error = this.#refusal(file, store.getSnapshot().length);
      store.update((list) => [...list, error === undefined ? upload : { ...upload, state: "failed", error }]);
    }
    this.#pump();
  };

  readonly retry = (uploadId: string): void => {
    this.#change(uploadId, ({ error: _error, ...upload }) => ({ ...upload, state: "waiting", progress: 0 }));
    this.#pump();
  };

  readonly remove = (uploadId: string): void => {
    const job = this.#jobs.get(uploadId);
    if (job === undefined) return;
    const upload = this.#find(uploadId);
    job.transfer?.cancel();
    this.#forgetOne(uploadId);
    if (upload?.attachment !== undefined) {
      void this.#context.http.delete(`/v1/attachments/${upload.attachment.attachmentId}`).catch(() => undefined);
    }
    this.#pump();
  };

  readonly take = (conversationId: ConversationId): readonly Attachment[] => {
    const done = this.#store(conversationId).getSnapshot().filter((upload) => upload.state === "done");
    for (const { uploadId } of done) this.#forgetOne(uploadId);
    return done.flatMap((upload) => upload.attachment ?? []);
  };

  readonly url = (attachmentId: string): string => `/v1/attachments/${attachmentId}`;
  readonly thumbnailUrl = (attachmentId: string): string => `/v1/attachments/${attachmentId}/thumbnail`;

  forget(): void {
    for (const [uploadId, job] of this.#jobs) {
      job.transfer?.cancel();
      this.#forgetOne(uploadId);
    }
  }

  #refusal(file: File, count: number): Upload["error"] {
    const bounds = this.#server()?.attachments;
    if (count >= (bounds?.perMessageMax ?? LIMITS.attachments)) return { code: "too_many_files", message: "Too many files for one message." };
    if (bounds !== undefined && file.size > bounds.sizeMaxBytes) return { code: "request_too_large", message: "The file is too large." };
    if (file.size === 0) return { code: "empty_file", message: "The file is empty." };
    return undefined;
  }

  /** Starts what waits, a few at a time. */
  #pump(): void {
    for (const [uploadId, job] of this.#jobs) {
      const running = [...this.#jobs.values()].filter((one) => one.transfer !== undefined).length;
      if (running >= UPLOADS_AT_ONCE) return;
      if (job.transfer === undefined && this.#find(uploadId)?.state === "waiting") void this.#run(uploadId, job);
    }
  }

  async #run(uploadId: string, job: Job): Promise<void> {
    const path = `/v1/attachments?name=${encodeURIComponent(job.file.name)}`;
    const progress = (part: number) => this.#change(uploadId, (upload) => ({ ...upload, progress: part }));
    job.transfer = this.#sendFile(path, job.file, progress);
    this.#change(uploadId, (upload) => ({ ...upload, state: "uploading" }));
    try {
      const attachment = await job.transfer.done;
      this.#change(uploadId, (upload) => ({ ...upload, state: "done", progress: 1, attachment }));
    } catch (error) {
      const { code, message } = error instanceof ApiError ? error : new ApiError("offline", "The file could not be sent.");
      this.#change(uploadId, (upload) => ({ ...upload, state: "failed", error: { code, message } }));
    } finally {
      job.transfer = undefined;
      this.#pump();
    }
  }

  #store(conversationId: ConversationId): Value<readonly Upload[]> {
    const known = this.#stores.get(conversationId);
    if (known !== undefined) return known;
    const made = new Value(NONE);
    this.#stores.set(conversationId, made);
    return made;
  }

  #find(uploadId: string): Upload | undefined {
    const job = this.#jobs.get(uploadId);
    if (job === undefined) return undefined;
    return this.#store(job.conversationId).getSnapshot().find((upload) => upload.uploadId === uploadId);
  }

  #change(uploadId: string, change: (upload: Upload) => Upload): void {
    const job = this.#jobs.get(uploadId);
    if (job === undefined) return;
    this.#store(job.conversationId).update((list) => list.map((one) => (one.uploadId === uploadId ? change(one) : one)));
  }

  #forgetOne(uploadId: string): void {
    const job = this.#jobs.get(uploadId);
    const previewUrl = this.#find(uploadId)?.previewUrl;
    if (previewUrl !== undefined) URL.revokeObjectURL(previewUrl);
    this.#jobs.delete(uploadId);
    if (job !== undefined) this.#store(job.conversationId).update((list) => list.filter((one) => one.uploadId !== uploadId));
  }
}
