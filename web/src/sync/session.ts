/**
 * Who is logged in: found out at the start, changed by logging in and out, ended by the server.
 * Invariant: what is kept on the device belongs to one person; another one's login forgets it first (D7).
 */
import { backoffMs } from "../connection/backoff";
import { ApiError } from "../connection/error";
import type { InviteCreated, InviteItem, InviteRequest, LoggedIn, Login, Registration, SessionItem } from "../protocol/types";
import type { SessionApi, SessionState } from "./api";
import type { Account, AccountStatus, Page, ServerInfo } from "./contract";
import type { Context } from "./context";
import { RETRY_BASE_MS, RETRY_MAX_MS } from "./limits";
import { Value } from "./store";

export interface SessionEvents {
  /** Somebody is logged in: restore what is kept, connect. */
  readonly begun: () => Promise<void>;
  /** Nobody is any longer: stop, forget. */
  readonly ended: () => void;
}

export class Session implements SessionApi {
  readonly state = new Value<SessionState>({ kind: "starting" });
  readonly #context: Context;
  readonly #events: SessionEvents;
  #server: ServerInfo | undefined;
  #attempt = 0;

  constructor(context: Context, events: SessionEvents) {
    this.#context = context;
    this.#events = events;
    context.tabs.onTold((message) => {
      if (message.type === "loggedOut" && this.state.getSnapshot().kind === "loggedIn") void this.#ended(undefined);
      if (message.type === "account" && this.account !== undefined) void this.reload().catch(() => undefined);
      if (message.type === "loggedIn" && this.state.getSnapshot().kind === "loggedOut") void this.start();
    });
  }

  get server(): ServerInfo | undefined {
    return this.#server;
  }

  get account(): Account | undefined {
    const state = this.state.getSnapshot();
    return state.kind === "loggedIn" ? state.account : undefined;
  }

  /** Finds out who is logged in: from the device at once, then from the server. */
  async start(): Promise<void> {
    const { storage } = this.#context;
    const server = await storage.get("meta", "server").catch(() => undefined);
    if (server?.name === "server") this.#server = server.server;
    const kept = await storage.get("meta", "account").catch(() => undefined);
    if (kept?.name === "account" && this.account === undefined) await this.#begin(kept.account);
    await Promise.all([this.#loadServer(), this.#check()]);
  }

  /** A socket does not open, or an answer says so: is the login over? */
  readonly doubt = async (): Promise<void> => {
    if (this.account !== undefined) await this.#check();
  };

  /** The server says that the login is over. */
  readonly over = (reason: "ended" | "disabled"): void => {
    if (this.account !== undefined) void this.#ended(reason);
  };

  readonly register = async (registration: Registration): Promise<void> => {
    await this.#context.http.post<LoggedIn>("/v1/accounts", { body: registration });
    await this.#entered();
  };

  readonly logIn = async (login: Login): Promise<void> => {
    await this.#context.http.post<LoggedIn>("/v1/sessions", { body: login });
    await this.#entered();
  };

  readonly logOut = async (): Promise<void> => {
    await this.#context.http.delete("/v1/sessions/current").catch((error: unknown) => {
      // Whoever is not logged in any longer has what they want.
      if (!(error instanceof ApiError) || error.code !== "unauthorized") throw error;
    });
    this.#context.tabs.tell({ type: "loggedOut" });
    await this.#ended(undefined);
  };

  readonly updateProfile = async (patch: { displayName?: string; status?: AccountStatus | null }): Promise<void> => {
    const { status, ...rest } = patch;
    const body = { ...rest, ...(status === undefined ? {} : { status: status ?? {} }) };
    await this.#changed(await this.#context.http.patch<Account>("/v1/account", { body }));
  };

  readonly setAvatar = async (image: Blob): Promise<void> => {
    await this.#changed(await this.#context.http.put<Account>("/v1/account/avatar", { raw: image }));
  };

  readonly removeAvatar = async (): Promise<void> => {
    await this.#context.http.delete("/v1/account/avatar");
    await this.#changed(await this.#context.http.get<Account>("/v1/account"));
  };

  readonly changePassword = (current: string, next: string): Promise<void> =>
    this.#context.http.put("/v1/account/password", { body: { current, new: next } });

  readonly listSessions = async (): Promise<readonly SessionItem[]> =>
    (await this.#context.http.get<Page<SessionItem>>("/v1/sessions")).items;

  readonly endSession = (sessionId: string): Promise<void> => this.#context.http.delete(`/v1/sessions/${sessionId}`);

  readonly createInvite = (request: InviteRequest = {}): Promise<InviteCreated> =>
    this.#context.http.post("/v1/invites", { body: request });

  readonly listInvites = async (): Promise<readonly InviteItem[]> =>
    (await this.#context.http.get<Page<InviteItem>>("/v1/invites")).items;

  readonly deleteInvite = (inviteId: string): Promise<void> => this.#context.http.delete(`/v1/invites/${inviteId}`);

  /** Another device may have changed the account. */
  async reload(): Promise<void> {
    await this.#know(await this.#context.http.get<Account>("/v1/account"));
  }

  async #changed(account: Account): Promise<void> {
    await this.#know(account);
    this.#context.tabs.tell({ type: "account" });
  }

  /** Asks the server who is logged in, until it answers. */
  async #check(): Promise<void> {
    try {
      const account = await this.#context.http.get<Account>("/v1/account");
      this.#attempt = 0;
      if (this.account === undefined) await this.#begin(account);
      else await this.#know(account);
    } catch (error) {
      const isRefused = error instanceof ApiError && !error.retryable && error.code !== "aborted" && error.code !== "bad_answer";
      if (isRefused) { this.#refused(error); return; }
      // Kept from last time: the connection tells when it works again.
      if (this.account !== undefined) return;
      this.state.set(this.#loggedOut(undefined));
      const delayMs = 250 + backoffMs(this.#attempt, RETRY_BASE_MS, RETRY_MAX_MS, this.#context.environment.random);
      this.#attempt += 1;
      this.#context.environment.schedule(delayMs, () => void this.start());
    }
  }

  #refused(error: ApiError): void {
    if (this.account !== undefined) void this.#ended(error.code === "account_disabled" ? "disabled" : "ended");
    else this.state.set(this.#loggedOut(undefined));
  }

  async #loadServer(): Promise<void> {
    try {
      this.#server = await this.#context.http.get<ServerInfo>("/v1/server");
    } catch {
      return;
    }
    void this.#context.storage.put("meta", [{ name: "server", server: this.#server }]).catch(() => undefined);
    const state = this.state.getSnapshot();
    if (state.kind !== "starting") this.state.set({ ...state, server: this.#server });
  }

  async #entered(): Promise<void> {
    const account = await this.#context.http.get<Account>("/v1/account");
    await this.#begin(account);
    this.#context.tabs.tell({ type: "loggedIn" });
    void this.#loadServer();
  }

  async #begin(account: Account): Promise<void> {
    const { storage } = this.#context;
    const owner = await storage.get("meta", "owner").catch(() => undefined);
    if (owner?.name === "owner" && owner.userId !== account.userId) await storage.clear().catch(() => undefined);
    await storage.put("meta", [{ name: "owner", userId: account.userId }, { name: "account", account }]).catch(() => undefined);
    this.state.set(this.#loggedIn(account));
    await this.#events.begun();
  }

  async #know(account: Account): Promise<void> {
    if (this.account === undefined) return;
    if (this.account.userId !== account.userId) {
      // Another tab logged somebody else in: the cookie is theirs.
      this.#events.ended();
      return this.#begin(account);
    }
    this.state.set(this.#loggedIn(account));
    await this.#context.storage.put("meta", [{ name: "account", account }]).catch(() => undefined);
  }

  /** One's own will forgets everything; an end from outside leaves what was written and not sent, for the same person. */
  async #ended(reason: "ended" | "disabled" | undefined): Promise<void> {
    const { storage } = this.#context;
    this.#events.ended();
    this.state.set(this.#loggedOut(reason));
    const [owner, outbox, drafts] = await Promise.all([storage.get("meta", "owner"), storage.all("outbox"), storage.all("drafts")]);
    await storage.clear();
    if (reason === undefined || owner === undefined) return;
    await storage.put("meta", [owner]);
    await storage.put("outbox", outbox);
    await storage.put("drafts", drafts);
  }

  #loggedIn(account: Account): SessionState {
    return { kind: "loggedIn", account, ...(this.#server === undefined ? {} : { server: this.#server }) };
  }

  #loggedOut(reason: "ended" | "disabled" | undefined): SessionState {
    const server = this.#server === undefined ? {} : { server: this.#server };
    return { kind: "loggedOut", ...server, ...(reason === undefined ? {} : { reason }) };
  }
}
