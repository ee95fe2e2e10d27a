/**
 * How large a picture is shown in the timeline: within a box, never larger than it is, known before it is loaded.
 * Pure arithmetic.
 */
import type { Attachment } from "../../sync/api";

export const SINGLE_MAX = { width: 420, height: 320 } as const;
export const TILE = 160;

export function thumbnailSize(image: Pick<Attachment, "width" | "height">, single: boolean): { width: number; height: number } {
  if (!single) return { width: TILE, height: TILE };
  const { width = SINGLE_MAX.width, height = SINGLE_MAX.height } = image;
  const scale = Math.min(1, SINGLE_MAX.width / Math.max(width, 1), SINGLE_MAX.height / Math.max(height, 1));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}
