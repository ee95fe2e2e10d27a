/** Addresses: what `pathOf` writes, `parseRoute` reads, and nothing typed by hand breaks it. */
import { describe, expect, it } from "vitest";
import { parseRoute, pathOf } from "./route";
import type { Route } from "./route";

const ROUTES: readonly Route[] = [
  { page: "home" },
  { page: "login" },
  { page: "register" },
  { page: "join", code: "a/b?c#ü" },
  { page: "conversation", conversationId: "019aa7f0-0000-7000-8000-00000000000a" },
  { page: "conversation", conversationId: "c", at: 41, panel: "members" },
  { page: "search", query: "from:ada \"tea & cake\" 茶" },
  { page: "channels" },
  { page: "settings", tab: "security" },
  { page: "admin", tab: "dead-letters" },
];

describe("addresses", () => {
  it.each(ROUTES.map((route) => [pathOf(route), route] as const))("%s is read as it was written", (path, route) => {
    expect(parseRoute(path)).toEqual(route);
  });

  it.each(["/nothing", "/c", "/c/%E0%A4%A", "/c/x?at=-1", "/c/x?at=1.5", "/settings/nothing", "//", ""])(
    "%s shows something",
    (path) => {
      expect(parseRoute(path).page).toMatch(/home|conversation|settings/);
    },
  );

  it("leaves out a place that is none", () => {
    expect(parseRoute("/c/x?at=abc")).toEqual({ page: "conversation", conversationId: "x" });
  });
});
