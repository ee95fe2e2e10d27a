/** When the reader is told, and how. */
import { describe, expect, it } from "vitest";
import { pageTitle, tellingOf } from "./rules";
import type { Surroundings } from "./rules";

const away: Surroundings = { notify: true, leader: true, attentive: false, onScreen: true, permission: "granted", soundOn: true };

describe("telling", () => {
  it("uses both ways while the page is in the background", () => {
    expect(tellingOf(away)).toEqual({ system: true, sound: true });
  });

  it("is silent about what is being looked at", () => {
    expect(tellingOf({ ...away, attentive: true })).toEqual({ system: false, sound: false });
  });

  it("only sounds for another conversation while the page is in front", () => {
    expect(tellingOf({ ...away, attentive: true, onScreen: false })).toEqual({ system: false, sound: true });
  });

  it.each([{ notify: false }, { leader: false }])("says nothing with %j", (change) => {
    expect(tellingOf({ ...away, ...change })).toEqual({ system: false, sound: false });
  });

  it("needs permission and asks for no sound that is off", () => {
    expect(tellingOf({ ...away, permission: "default", soundOn: false })).toEqual({ system: false, sound: false });
  });
});

describe("the title", () => {
  it("counts what waits", () => {
    expect(pageTitle("Tea", 0, 0)).toBe("Tea");
    expect(pageTitle("Tea", 3, 0)).toBe("(3) Tea");
    expect(pageTitle("Tea", 3, 1)).toBe("(3!) Tea");
    expect(pageTitle("Tea", 0, 2)).toBe("(2!) Tea");
  });
});
