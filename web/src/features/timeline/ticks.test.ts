/** Sent, delivered and read marks are arithmetic on watermarks. */
import { describe, expect, it } from "vitest";
import { lowestMarks, tickOf } from "./ticks";

describe("ticks", () => {
  const marks = new Map([
    ["me", { readSeq: 9, deliveredSeq: 9 }],
    ["ada", { readSeq: 5, deliveredSeq: 8 }],
    ["bob", { readSeq: 7, deliveredSeq: 6 }],
  ]);

  it("take what all others have, and what is read has arrived", () => {
    expect(lowestMarks(marks, "me")).toEqual({ readSeq: 5, deliveredSeq: 7 });
  });

  it("move from waiting to read", () => {
    const lowest = lowestMarks(marks, "me");
    expect(tickOf({ state: "pending" }, lowest)).toBe("pending");
    expect(tickOf({ state: "failed" }, lowest)).toBe("failed");
    expect(tickOf({ state: "sent" }, lowest)).toBe("sent");
    expect([8, 7, 6, 5].map((seq) => tickOf({ state: "sent", seq }, lowest))).toEqual(["sent", "delivered", "delivered", "read"]);
  });

  it("say no more than sent where nobody else is", () => {
    expect(tickOf({ state: "sent", seq: 1 }, lowestMarks(new Map(), "me"))).toBe("sent");
  });
});
