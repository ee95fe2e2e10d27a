/**
 * Where the reader is and how to go elsewhere, for every part below; and links that do both.
 * The history of the browser is the composition root's: here it is a store and two functions.
 */
import { createContext, useCallback, useContext, useMemo } from "react";
import type { AnchorHTMLAttributes, MouseEvent, ReactNode, Ref } from "react";
import type { Store } from "../../sync/api";
import { useStore } from "./client";
import { parseRoute, pathOf } from "./route";
import type { Route } from "./route";

export interface Navigation {
  /** Path and query. */
  readonly location: Store<string>;
  readonly navigate: (to: string, options?: { replace?: boolean }) => void;
  readonly back: () => void;
}

const NavigationContext = createContext<Navigation | undefined>(undefined);

export function NavigationProvider({ navigation, children }: { navigation: Navigation; children: ReactNode }) {
  return <NavigationContext value={navigation}>{children}</NavigationContext>;
}

function useNavigation(): Navigation {
  const navigation = useContext(NavigationContext);
  if (navigation === undefined) throw new Error("invariant: parts are rendered inside NavigationProvider");
  return navigation;
}

export function useRoute(): Route {
  const location = useStore(useNavigation().location);
  return useMemo(() => parseRoute(location), [location]);
}

export type Go = (route: Route, options?: { replace?: boolean }) => void;

export function useGo(): Go {
  const navigation = useNavigation();
  return useCallback((route, options) => navigation.navigate(pathOf(route), options), [navigation]);
}

export interface LinkProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href" | "style"> {
  to: Route;
  ref?: Ref<HTMLAnchorElement>;
}

/** A real link: opens in another tab when asked to, and without loading the page anew otherwise. */
export function Link({ to, onClick, ...rest }: LinkProps) {
  const go = useGo();
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return <a {...rest} href={pathOf(to)} onClick={follow} />;
}
