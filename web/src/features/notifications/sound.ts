/**
 * Two soft tones, made on the spot: no file to load, nothing for a policy to allow.
 * Silent where the browser does not let a page sound before it was used.
 */
const TONES = [
  { hz: 660, atMs: 0 },
  { hz: 880, atMs: 110 },
] as const;
const TONE_MS = 160;
const LOUDNESS = 0.08;

let context: AudioContext | undefined;

export function playSound(): void {
  try {
    context ??= new AudioContext();
    if (context.state === "suspended") void context.resume();
    for (const tone of TONES) playTone(context, tone.hz, context.currentTime + tone.atMs / 1000);
  } catch {
    context = undefined;
  }
}

function playTone(audio: AudioContext, hz: number, at: number): void {
  const oscillator = audio.createOscillator();
  const gain = audio.createGain();
  oscillator.type = "sine";
  oscillator.frequency.value = hz;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(LOUDNESS, at + 0.015);
  gain.gain.exponentialRampToValueAtTime(0.0001, at + TONE_MS / 1000);
  oscillator.connect(gain).connect(audio.destination);
  oscillator.start(at);
  oscillator.stop(at + TONE_MS / 1000);
}
