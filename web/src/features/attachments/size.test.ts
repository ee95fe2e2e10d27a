/** Pictures keep their shape and fit their box. */
import { describe, expect, it } from "vitest";
import { SINGLE_MAX, TILE, thumbnailSize } from "./size";

describe("a picture's size", () => {
  it("fits the box and keeps its shape", () => {
    expect(thumbnailSize({ width: 840, height: 640 }, true)).toEqual({ width: 420, height: 320 });
    expect(thumbnailSize({ width: 100, height: 3200 }, true)).toEqual({ width: 10, height: 320 });
    expect(thumbnailSize({ width: 99999, height: 1 }, true)).toEqual({ width: 420, height: 1 });
  });

  it("is never larger than the picture", () => {
    expect(thumbnailSize({ width: 20, height: 10 }, true)).toEqual({ width: 20, height: 10 });
  });

  it("has an answer where none is known, and is a tile among others", () => {
    expect(thumbnailSize({}, true)).toEqual(SINGLE_MAX);
    expect(thumbnailSize({ width: 4, height: 4 }, false)).toEqual({ width: TILE, height: TILE });
  });
});
