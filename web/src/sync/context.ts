/**
 * What every part of the core is given: the world, the server, the device.
 * Knows no rule; parts know each other only as far as their constructors say.
 */
import type { Environment } from "../connection/environment";
import type { Http } from "../connection/http";
import type { UserId } from "../protocol/types";
import type { NewId } from "./ids";
import type { Storage } from "./storage";
import type { Tabs } from "./tabs";

export interface Context {
  readonly environment: Environment;
  readonly http: Http;
  readonly storage: Storage;
  readonly tabs: Tabs;
  readonly newId: NewId;
  /** Who is logged in; empty while nobody is. */
  readonly me: () => UserId;
}
