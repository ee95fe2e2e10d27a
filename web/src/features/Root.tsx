/**
 * The pages by address and by whether somebody is logged in, in the language and looks the reader chose.
 * Knows which feature shows where; the core and the browser's history are handed in.
 */
import { Suspense, lazy, useEffect } from "react";
import type { ReactNode } from "react";
import { I18nProvider, useT } from "../i18n/I18nProvider";
import { chooseLocale } from "../i18n/locales";
import type { Client } from "../sync/api";
import { Spinner } from "../ui/Spinner";
import { ToastProvider } from "../ui/Toasts";
import { TooltipProvider } from "../ui/Tooltip";
import { AuthPage } from "./auth/AuthPage";
import { AccountProvider, ClientProvider, useClient, useStore } from "./context/client";
import { NavigationProvider } from "./context/navigation";
import type { Navigation } from "./context/navigation";
import styles from "./Root.module.css";
import { CrashBoundary } from "./shell/CrashBoundary";
import { useMediaQuery } from "./useMediaQuery";

/** `?locale=` of the address the app was opened with: for a look at a language, for this visit. */
const askedLocale = new URLSearchParams(window.location.search).get("locale") ?? undefined;

const Workspace = lazy(() => import("./shell/Workspace"));

export function Root({ client, navigation }: { client: Client; navigation: Navigation }) {
  return (
    <ClientProvider client={client}>
      <NavigationProvider navigation={navigation}>
        <Looks>
          <Frame>
            <CrashBoundary>
              <Pages />
            </CrashBoundary>
          </Frame>
        </Looks>
      </NavigationProvider>
    </ClientProvider>
  );
}

/** Language, theme and density as chosen. */
function Looks({ children }: { children: ReactNode }) {
  const preferences = useStore(useClient().preferences.state);
  const { theme, density, locale } = preferences;
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    document.documentElement.dataset.density = density;
  }, [theme, density]);
  useThemeColour(theme);
  return <I18nProvider locale={chooseLocale(askedLocale ?? locale, navigator.languages)}>{children}</I18nProvider>;
}

/** The colour of the browser's own bars follows the theme. */
function useThemeColour(theme: string) {
  const dark = useMediaQuery("(prefers-color-scheme: dark)");
  useEffect(() => {
    const colour = getComputedStyle(document.body).backgroundColor;
    for (const meta of document.querySelectorAll('meta[name="theme-color"]')) meta.setAttribute("content", colour);
  }, [theme, dark]);
}

function Frame({ children }: { children: ReactNode }) {
  const t = useT();
  return (
    <TooltipProvider>
      <ToastProvider label={t("toast.region")} closeLabel={t("action.close")}>
        {children}
      </ToastProvider>
    </TooltipProvider>
  );
}

function Pages() {
  const session = useStore(useClient().session.state);
  switch (session.kind) {
    case "starting":
      return <Splash />;
    case "loggedOut":
      return <AuthPage session={session} />;
    case "loggedIn":
      return (
        <AccountProvider account={session.account}>
          <Suspense fallback={<Splash />}>
            <Workspace />
          </Suspense>
        </AccountProvider>
      );
  }
}

function Splash() {
  const t = useT();
  return (
    <main className={styles.splash} aria-busy="true">
      <Spinner />
      <h1 className="visually-hidden">{t("state.loading")}</h1>
    </main>
  );
}
