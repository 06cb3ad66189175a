/** Reads a QR code through the camera, where the browser can. */

interface Detector {
  detect(source: HTMLVideoElement): Promise<readonly { readonly rawValue: string }[]>;
}

interface DetectorClass {
  new (options: { readonly formats: readonly string[] }): Detector;
  getSupportedFormats(): Promise<readonly string[]>;
}

/** Between two looks, so that a phone stays cool. */
const LOOK_EVERY_MS = 150;

function detectorClass(): DetectorClass | undefined {
  return (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
}

export async function canScan(): Promise<boolean> {
  if (detectorClass() === undefined || !("mediaDevices" in navigator)) return false;
  try {
    return (await detectorClass()!.getSupportedFormats()).includes("qr_code");
  } catch {
    return false; // a class without a detector behind it
  }
}

/**
 * The text of the first QR code before the camera that `accept`s it; undefined once `signal` ends the
 * search. Rejects where the camera cannot be used. The camera is off afterwards.
 */
export async function scan(
  video: HTMLVideoElement,
  accept: (text: string) => boolean,
  signal: AbortSignal,
): Promise<string | undefined> {
  const detector = new (detectorClass()!)({ formats: ["qr_code"] });
  const camera = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: "environment" },
  });
  try {
    video.srcObject = camera;
    await video.play();
    while (!signal.aborted) {
      const found = (await detector.detect(video)).find(({ rawValue }) => accept(rawValue));
      if (found !== undefined) return found.rawValue;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    return undefined;
  } finally {
    for (const track of camera.getTracks()) track.stop();
    video.srcObject = null;
  }
}
