/** Names and passwords before they are sent: the rules of the server, applied here as well. */
import { describe, expect, it } from "vitest";
import { passwordComplaint, strengthOf, usernameComplaint } from "./validation";

describe("a username", () => {
  it.each(["ad", "ada", "Ada.Lovelace", "a-b_c.9", "x".repeat(32)])("%s is fine", (name) => {
    expect(usernameComplaint(name)).toBeUndefined();
  });

  it.each(["", "a", "ada lovelace", "ädä", "x".repeat(33), "a@b"])("%j is not", (name) => {
    expect(usernameComplaint(name)).toBe("error.bad_username");
  });
});

describe("a password", () => {
  it("has at least eight characters, counted as people count", () => {
    expect(passwordComplaint("1234567")).toBe("error.bad_password");
    expect(passwordComplaint("12345678")).toBeUndefined();
    expect(passwordComplaint("🫖".repeat(7))).toBe("error.bad_password");
    expect(passwordComplaint("🫖".repeat(8))).toBeUndefined();
  });

  it("has at most 256 bytes", () => {
    expect(passwordComplaint("x".repeat(256))).toBeUndefined();
    expect(passwordComplaint("ä".repeat(129))).toBe("error.bad_password");
  });

  it("is the stronger the longer and the more varied it is", () => {
    expect(strengthOf("short")).toBe("short");
    expect(strengthOf("aaaaaaaaaaaaaaaaaaaa")).toBe("weak");
    expect(strengthOf("abcdefgh")).toBe("weak");
    expect(strengthOf("abcdefghij")).toBe("fair");
    expect(strengthOf("correct horse battery")).toBe("strong");
  });
});
