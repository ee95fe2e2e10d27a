/**
 * Makes a chosen picture square and small before it is sent: the middle of it, at most 512 pixels wide.
 * Drawing it anew also leaves behind where and when it was taken.
 */
export const PICTURE_PIXELS = 512;
const QUALITY = 0.9;

/** The middle square of a picture. */
export function middleSquare(width: number, height: number): { x: number; y: number; side: number } {
  const side = Math.min(width, height);
  return { x: Math.floor((width - side) / 2), y: Math.floor((height - side) / 2), side };
}

export async function squarePicture(file: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(file);
  try {
    const { x, y, side } = middleSquare(bitmap.width, bitmap.height);
    const pixels = Math.min(side, PICTURE_PIXELS);
    const canvas = new OffscreenCanvas(pixels, pixels);
    canvas.getContext("2d")?.drawImage(bitmap, x, y, side, side, 0, 0, pixels, pixels);
    return await canvas.convertToBlob({ type: "image/webp", quality: QUALITY });
  } finally {
    bitmap.close();
  }
}
