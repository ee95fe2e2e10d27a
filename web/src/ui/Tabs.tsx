/**
 * Several pages in one place, one shown; arrow keys move between their names.
 * Holds no choice: the caller does, so that it can be part of the address.
 */
import { Tabs as Primitive } from "radix-ui";
import { useEffect, useRef } from "react";
import type { ReactNode } from "react";
import styles from "./Tabs.module.css";

export interface TabsProps<V extends string> {
  label: string;
  value: V;
  onValueChange: (value: V) => void;
  tabs: readonly { value: V; label: string; icon?: ReactNode; content: ReactNode }[];
}

export function Tabs<V extends string>({ label, value, onValueChange, tabs }: TabsProps<V>) {
  const choose = (chosen: string) => {
    const tab = tabs.find((candidate) => candidate.value === chosen);
    if (tab !== undefined) onValueChange(tab.value);
  };
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.querySelector("[data-state=active]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [value]);
  return (
    <Primitive.Root value={value} onValueChange={choose} className={styles.root}>
      <Primitive.List ref={list} aria-label={label} className={styles.list}>
        {tabs.map((tab) => (
          <Primitive.Trigger key={tab.value} value={tab.value} className={styles.tab}>
            {tab.icon}
            {tab.label}
          </Primitive.Trigger>
        ))}
      </Primitive.List>
      {tabs.map((tab) => (
        <Primitive.Content key={tab.value} value={tab.value} className={styles.content}>
          {tab.content}
        </Primitive.Content>
      ))}
    </Primitive.Root>
  );
}
