/**
 * Lint rules: strict types, the rules of hooks, accessibility, and the arrows between folders.
 * The arrows: protocol ← connection ← sync ← features ← app; ui and i18n know none of these; React only above sync.
 */
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

/** What a folder must not import, besides what is below it. */
function arrows(folder, forbidden, packages = []) {
  return {
    files: [`src/${folder}/**/*.{ts,tsx}`],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          paths: packages.map((name) => ({ name, message: `${folder}/ does not know ${name}.` })),
          patterns: forbidden.map((other) => ({
            group: [`**/${other}/**`, `**/${other}`],
            message: `${folder}/ does not know ${other}/: see the arrows in eslint.config.js.`,
          })),
        },
      ],
    },
  };
}

const react = ["react", "react-dom", "react-dom/client"];

export default tseslint.config(
  { ignores: ["dist", "node_modules", "src/protocol", "tests/browser/out"] },
  {
    files: ["src/**/*.{ts,tsx}", "*.ts"],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true }],
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true, argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/dot-notation": "off",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/consistent-type-definitions": "off",
      "max-lines": ["error", { max: 500 }],
      "max-lines-per-function": ["error", { max: 120, skipComments: true, skipBlankLines: true }],
    },
  },
  {
    files: ["src/**/*.test.{ts,tsx}", "src/**/testing/**"],
    rules: { "max-lines-per-function": "off", "@typescript-eslint/no-non-null-assertion": "off" },
  },
  {
    files: ["src/**/*.{ts,tsx}"],
    plugins: { "react-hooks": reactHooks },
    rules: { "react-hooks/rules-of-hooks": "error", "react-hooks/exhaustive-deps": "error" },
  },
  {
    // Styles in markup and strings of markup are what the content security policy forbids.
    files: ["src/**/*.tsx"],
    rules: {
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Markup is made of elements, never of strings." },
      ],
    },
  },
  arrows("connection", ["sync", "features", "ui", "i18n", "app"], react),
  arrows("sync", ["features", "ui", "i18n", "app"], react),
  arrows("ui", ["protocol", "connection", "sync", "features", "app"]),
  arrows("i18n", ["protocol", "connection", "sync", "features", "ui", "app"]),
  arrows("features", ["connection", "app"]),
);
