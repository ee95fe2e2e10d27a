/** What a login is called, and how a picture is cut. */
import { describe, expect, it } from "vitest";
import { deviceOf } from "./device";
import { middleSquare } from "./picture";

describe("a device", () => {
  it.each([
    ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", "Chrome", "Linux"],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", "Windows"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1", "Safari", "iOS"],
    ["curl/8.10.1", "curl", undefined],
    ["my-bot 1.0", "my-bot 1.0", undefined],
  ])("%s", (agent, browser, system) => {
    expect(deviceOf(agent)).toEqual({ browser, system });
  });

  it("may say nothing", () => {
    expect(deviceOf("")).toBeUndefined();
  });
});

describe("a picture", () => {
  it("is cut to its middle", () => {
    expect(middleSquare(300, 200)).toEqual({ x: 50, y: 0, side: 200 });
    expect(middleSquare(200, 301)).toEqual({ x: 0, y: 50, side: 200 });
  });
});
