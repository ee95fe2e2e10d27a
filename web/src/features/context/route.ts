/**
 * The addresses of the app, both ways: a path to what it shows, and back.
 * Knows no history and no page; an address it does not know is the home page.
 */
import type { ConversationId, Seq } from "../../sync/api";

export const SETTINGS_TABS = ["profile", "appearance", "notifications", "messages", "security", "invitations", "shortcuts"] as const;
export const ADMIN_TABS = ["overview", "users", "conversations", "dead-letters"] as const;

export type SettingsTab = (typeof SETTINGS_TABS)[number];
export type AdminTab = (typeof ADMIN_TABS)[number];

export type Route =
  | { readonly page: "home" }
  | { readonly page: "login" }
  | { readonly page: "register" }
  | { readonly page: "join"; readonly code: string }
  | { readonly page: "conversation"; readonly conversationId: ConversationId; readonly at?: Seq; readonly panel?: "members" }
  | { readonly page: "search"; readonly query: string }
  | { readonly page: "channels" }
  | { readonly page: "settings"; readonly tab: SettingsTab }
  | { readonly page: "admin"; readonly tab: AdminTab };

/** What an address shows. */
export function parseRoute(location: string): Route {
  const url = new URL(`http://app/${location.replace(/^\/+/u, "")}`);
  const [first = "", second] = url.pathname.split("/").filter((part) => part.length > 0);
  switch (first) {
    case "login":
      return { page: "login" };
    case "register":
      return { page: "register" };
    case "join":
      return second === undefined ? { page: "register" } : { page: "join", code: decoded(second) };
    case "c":
      return second === undefined ? { page: "home" } : conversationRoute(decoded(second), url.searchParams);
    case "search":
      return { page: "search", query: url.searchParams.get("q") ?? "" };
    case "channels":
      return { page: "channels" };
    case "settings":
      return { page: "settings", tab: SETTINGS_TABS.find((tab) => tab === second) ?? "profile" };
    case "admin":
      return { page: "admin", tab: ADMIN_TABS.find((tab) => tab === second) ?? "overview" };
    default:
      return { page: "home" };
  }
}

/** The address of what is shown. */
export function pathOf(route: Route): string {
  switch (route.page) {
    case "home":
      return "/";
    case "login":
    case "register":
    case "channels":
      return `/${route.page}`;
    case "join":
      return `/join/${encodeURIComponent(route.code)}`;
    case "conversation":
      return `/c/${encodeURIComponent(route.conversationId)}${conversationQuery(route)}`;
    case "search":
      return route.query === "" ? "/search" : `/search?${new URLSearchParams({ q: route.query }).toString()}`;
    case "settings":
    case "admin":
      return `/${route.page}/${route.tab}`;
  }
}

function conversationRoute(conversationId: string, query: URLSearchParams): Route {
  const at = Number(query.get("at"));
  return {
    page: "conversation",
    conversationId,
    ...(Number.isSafeInteger(at) && at > 0 ? { at } : {}),
    ...(query.get("panel") === "members" ? { panel: "members" } : {}),
  };
}

function conversationQuery(route: Extract<Route, { page: "conversation" }>): string {
  const query = new URLSearchParams();
  if (route.at !== undefined) query.set("at", String(route.at));
  if (route.panel !== undefined) query.set("panel", route.panel);
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
