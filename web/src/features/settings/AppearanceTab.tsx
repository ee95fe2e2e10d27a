/**
 * Theme, density, language: shown at once, kept for all devices.
 * The preferences are the core's.
 */
import { useI18n } from "../../i18n/I18nProvider";
import { LOCALES, LOCALE_NAMES, isLocale } from "../../i18n/locales";
import { SelectField } from "../../ui/Field";
import { useClient, useStore } from "../context/client";
import { useAction } from "../context/useAction";
import { Section } from "./Section";

const THEMES = ["system", "light", "dark"] as const;
const DENSITIES = ["comfortable", "compact"] as const;
const AUTOMATIC = "automatic";

export function AppearanceTab() {
  const { t } = useI18n();
  const client = useClient();
  const preferences = useStore(client.preferences.state);
  const action = useAction();
  const update = (patch: Parameters<typeof client.preferences.update>[0]) => void action.run(() => client.preferences.update(patch));
  const languages: readonly { value: string; label: string }[] = [
    { value: AUTOMATIC, label: t("appearance.languageAutomatic") },
    ...LOCALES.map((value) => ({ value, label: LOCALE_NAMES[value] })),
  ];
  return (
    <Section title={t("settings.appearance")} text={t("appearance.text")}>
      <SelectField
        label={t("appearance.theme")}
        value={preferences.theme}
        options={THEMES.map((value) => ({ value, label: t(`appearance.theme.${value}`) }))}
        onValueChange={(theme) => update({ theme })}
      />
      <SelectField
        label={t("appearance.density")}
        value={preferences.density}
        options={DENSITIES.map((value) => ({ value, label: t(`appearance.density.${value}`) }))}
        onValueChange={(density) => update({ density })}
      />
      <SelectField
        label={t("appearance.language")}
        value={preferences.locale !== undefined && isLocale(preferences.locale) ? preferences.locale : AUTOMATIC}
        options={languages}
        onValueChange={(value) => update({ locale: value === AUTOMATIC ? null : value })}
      />
    </Section>
  );
}
