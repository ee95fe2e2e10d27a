/**
 * The keys there are.
 * A list of its own: what a key does is beside what it does.
 */
import { useT } from "../../i18n/I18nProvider";
import { isApple, shortcutLabel } from "../shell/shortcuts";
import { Section } from "./Section";
import styles from "./SecurityTab.module.css";

export function ShortcutsTab() {
  const t = useT();
  const mod = isApple ? "⌘" : "Ctrl+";
  const shortcuts = [
    [t("shortcuts.switcher"), shortcutLabel("switcher")],
    [t("shortcuts.search"), shortcutLabel("search")],
    [t("shortcuts.settings"), shortcutLabel("settings")],
    [t("shortcuts.editLast"), "↑"],
    [t("shortcuts.newLine"), isApple ? "⇧↵" : "Shift+↵"],
    [t("shortcuts.bold"), `${mod}B`],
    [t("shortcuts.italic"), `${mod}I`],
    [t("shortcuts.code"), `${mod}E`],
    [t("shortcuts.walk"), "↑ ↓"],
    [t("shortcuts.cancel"), "Esc"],
  ] as const;
  return (
    <Section title={t("settings.shortcuts")} text={t("shortcuts.text")}>
      <dl className={styles.keys}>
        {shortcuts.map(([what, keys]) => (
          <div key={what} className={styles.pair}>
            <dt>{what}</dt>
            <dd>
              <kbd>{keys}</kbd>
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
