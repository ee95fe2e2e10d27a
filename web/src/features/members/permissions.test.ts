/** The table of permissions, as the pages use it to hide what would be refused. */
import { describe, expect, it } from "vitest";
import { mayAdd, mayDeleteOthers, mayRemove, rolesToGive } from "./permissions";

describe("permissions", () => {
  it("let everybody add to a group, and admins to a channel", () => {
    expect(mayAdd("group", "member")).toBe(true);
    expect(mayAdd("channel", "member")).toBe(false);
    expect(mayAdd("channel", "admin")).toBe(true);
    expect(mayAdd("direct", "owner")).toBe(false);
  });

  it("remove downwards only, and owners anybody", () => {
    expect(mayRemove("group", "admin", "member")).toBe(true);
    expect(mayRemove("group", "admin", "admin")).toBe(false);
    expect(mayRemove("group", "owner", "owner")).toBe(true);
    expect(mayRemove("direct", "owner", "member")).toBe(false);
  });

  it("give roles up to one's own to those below", () => {
    expect(rolesToGive("channel", "admin", "member")).toEqual(["admin"]);
    expect(rolesToGive("channel", "admin", "admin")).toEqual([]);
    expect(rolesToGive("channel", "owner", "admin")).toEqual(["owner", "member"]);
    expect(rolesToGive("channel", "member", "member")).toEqual([]);
  });

  it("leave direct conversations to both alike", () => {
    expect(mayDeleteOthers("direct", "owner")).toBe(false);
  });
});
