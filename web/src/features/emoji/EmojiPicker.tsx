/**
 * All emoji, by category, with search; only the rows in view exist.
 * Its data come from the app itself, never from elsewhere.
 */
import { EmojiPicker as Primitive } from "frimousse";
import type { EmojiData } from "frimousse";
import { useI18n } from "../../i18n/I18nProvider";
import { emojiLocaleOf, loadEmoji } from "./data";
import styles from "./EmojiPicker.module.css";

const COLUMNS = 9;

async function resolveEmoji(locale: string): Promise<EmojiData> {
  const { emojis, categories, skinTones } = await loadEmoji(emojiLocaleOf(locale));
  return {
    locale,
    categories: [...categories],
    skinTones,
    emojis: emojis.map(([emoji, label, category, version, codes, tags, skins]) => ({
      emoji,
      label,
      category,
      version,
      tags: [...tags, ...codes],
      ...(skins === 0
        ? {}
        : { skins: { light: skins[0], "medium-light": skins[1], medium: skins[2], "medium-dark": skins[3], dark: skins[4] } }),
    })),
  };
}

export default function EmojiPicker({ onPick }: { onPick: (emoji: string) => void }) {
  const { t, locale } = useI18n();
  return (
    <Primitive.Root
      className={styles.picker}
      columns={COLUMNS}
      locale={emojiLocaleOf(locale)}
      resolveEmojiData={resolveEmoji}
      onEmojiSelect={({ emoji }) => onPick(emoji)}
    >
      <Primitive.Search className={styles.search} aria-label={t("emoji.search")} placeholder={t("emoji.search")} autoFocus />
      <Primitive.Viewport className={styles.viewport}>
        <Primitive.Loading className={styles.note}>{t("state.loading")}</Primitive.Loading>
        <Primitive.Empty className={styles.note}>{t("emoji.none")}</Primitive.Empty>
        <Primitive.List
          className={styles.list}
          components={{
            CategoryHeader: ({ category, ...rest }) => (
              <div {...rest} className={styles.category}>
                {category.label}
              </div>
            ),
            Row: ({ children, ...rest }) => (
              <div {...rest} className={styles.row}>
                {children}
              </div>
            ),
            Emoji: ({ emoji, ...rest }) => (
              <button {...rest} type="button" className={styles.emoji} title={emoji.label}>
                {emoji.emoji}
              </button>
            ),
          }}
        />
      </Primitive.Viewport>
      <div className={styles.foot}>
        <Primitive.ActiveEmoji>
          {({ emoji }) => <span className={styles.active}>{emoji === undefined ? t("emoji.pick") : `${emoji.emoji} ${emoji.label}`}</span>}
        </Primitive.ActiveEmoji>
        <Primitive.SkinToneSelector className={styles.tone} aria-label={t("emoji.tone")} />
      </div>
    </Primitive.Root>
  );
}
