//! What the checks ask of a Rust file's syntax: its functions, its test regions, its calls of `unwrap`.
//! Does not expand macros: what stands inside a macro call is seen as text only.

use proc_macro2::Span;
use syn::{
    Attribute, ExprMethodCall, ImplItemFn, ItemFn, ItemMod, TraitItemFn,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::repository::SourceFile;

/// A function with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// First line, that of its signature.
    pub start: usize,
    /// Last line, that of its closing brace.
    pub end: usize,
}

/// What was found in one file.
#[derive(Debug, Default)]
pub struct Syntax {
    /// All functions, inner ones too.
    pub functions: Vec<Function>,
    /// Lines of the `#[cfg(test)]` modules, first and last.
    pub test_regions: Vec<(usize, usize)>,
    /// Lines that call `unwrap()`.
    pub unwraps: Vec<usize>,
}

impl Function {
    /// Lines from signature to closing brace.
    #[must_use]
    pub const fn lines(&self) -> usize {
        self.end + 1 - self.start
    }
}

impl Syntax {
    /// Parses a file.
    ///
    /// # Errors
    /// When it is not Rust.
    pub fn of(file: &SourceFile) -> syn::Result<Syntax> {
        let parsed = syn::parse_file(&file.text)?;
        let mut syntax = Syntax::default();
        syntax.visit_file(&parsed);
        if file.is_test_code() {
            syntax.test_regions.push((1, file.text.lines().count()));
        }
        Ok(syntax)
    }

    /// Whether a line is test code.
    #[must_use]
    pub fn is_test(&self, line: usize) -> bool {
        self.test_regions.iter().any(|(first, last)| (*first..=*last).contains(&line))
    }

    fn function(&mut self, name: &syn::Ident, signature: Span, block: Span) {
        let (start, end) = (signature.start().line, block.end().line);
        self.functions.push(Function { name: name.to_string(), start, end });
    }
}

impl<'ast> Visit<'ast> for Syntax {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(&item.sig.ident, item.sig.span(), item.block.span());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.function(&item.sig.ident, item.sig.span(), item.block.span());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig.ident, item.sig.span(), block.span());
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.attrs.iter().any(is_cfg_test) {
            self.test_regions.push((item.span().start().line, item.span().end().line));
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if call.method == "unwrap" && call.args.is_empty() {
            self.unwraps.push(call.method.span().start().line);
        }
        visit::visit_expr_method_call(self, call);
    }
}

/// `#[cfg(test)]`, and `#[cfg(all(test, …))]` with it.
fn is_cfg_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.meta.require_list().is_ok_and(|list| {
            list.tokens.clone().into_iter().any(|token| match token {
                proc_macro2::TokenTree::Ident(ident) => ident == "test",
                proc_macro2::TokenTree::Group(group) => group.stream().to_string().contains("test"),
                _ => false,
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_functions_test_regions_and_unwraps() {
        let text =
            "fn a() {\n    b().unwrap();\n}\n\n#[cfg(test)]\nmod tests {\n    fn c() { d().unwrap(); }\n}\n";
        let file = SourceFile { path: "crates/x/src/lib.rs".into(), text: text.into() };
        let syntax = Syntax::of(&file).unwrap();
        let names: Vec<_> = syntax.functions.iter().map(|f| (f.name.as_str(), f.lines())).collect();
        assert_eq!(names, [("a", 3), ("c", 1)]);
        assert_eq!(syntax.unwraps, [2, 7]);
        assert!(syntax.is_test(7) && !syntax.is_test(2));
    }
}
