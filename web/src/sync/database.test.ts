/** What is kept on the device, in IndexedDB: written, read, changed in one step, forgotten (D7). */
import { afterEach, describe, expect, it } from "vitest";

import { deleteStorage, openStorage } from "./database";
import type { Tables } from "./storage";

const NAME = "dynamowave-test";

function window(conversationId: string, appliedSeq: number): Tables["windows"] {
  return { conversationId, epoch: "e", appliedSeq, usedAtMs: 0, events: [] };
}

describe("storage", () => {
  afterEach(() => deleteStorage(NAME));

  it("keeps records by key across openings", async () => {
    const first = await openStorage(NAME);
    await first.put("windows", [window("a", 1), window("b", 2)]);
    await first.put("meta", [{ name: "history", epoch: "e" }]);
    const second = await openStorage(NAME);
    expect(await second.get("windows", "b")).toEqual(window("b", 2));
    expect(await second.all("windows")).toHaveLength(2);
    expect(await second.get("meta", "history")).toEqual({ name: "history", epoch: "e" });
  });

  it("changes a record in one step, so that two tabs do not overwrite each other", async () => {
    const tabs = [await openStorage(NAME), await openStorage(NAME)] as const;
    await tabs[0].put("windows", [window("a", 0)]);
    const grow = (record: Tables["windows"] | undefined) => window("a", (record?.appliedSeq ?? 0) + 1);
    await Promise.all(Array.from({ length: 20 }, (_, index) => tabs[index % 2 === 0 ? 0 : 1].update("windows", "a", grow)));
    expect((await tabs[0].get("windows", "a"))?.appliedSeq).toBe(20);
  });

  it("leaves a record as it is when asked to", async () => {
    const storage = await openStorage(NAME);
    await storage.put("windows", [window("a", 5)]);
    await storage.update("windows", "a", () => undefined);
    expect((await storage.get("windows", "a"))?.appliedSeq).toBe(5);
  });

  it("forgets everything (D7)", async () => {
    const storage = await openStorage(NAME);
    await storage.put("windows", [window("a", 1)]);
    await storage.put("drafts", [{ conversationId: "a", body: "secret" }]);
    await storage.clear();
    expect([...(await storage.all("windows")), ...(await storage.all("drafts"))]).toEqual([]);
  });
});
