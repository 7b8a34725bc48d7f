//! Every view of an application, ready to be rendered.

use std::fmt;
use std::sync::Arc;

use mainstay_core::config::did_you_mean;
use mainstay_core::error::Chain;
use mainstay_core::{Contribution, Contributions, Error, Inject, Module, Profile, Result};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, TemplateSource, UndefinedBehavior};

use crate::context::Context;
use crate::folder::ViewFolder;

/// A contribution: changes the environment that views are rendered in.
#[derive(Clone)]
pub(crate) struct Extension(pub(crate) Arc<dyn Fn(&mut Environment<'static>) + Send + Sync>);

impl Contribution for Extension {
    fn installs() -> Option<Module> {
        Some(crate::module::module())
    }
}

/// Every view of the application. Injectable; for what is rendered outside of a request, such as a mail. Handlers take
/// [`Views`](crate::Views).
///
/// ```
/// use mainstay_core::Profile;
/// use mainstay_view::{Templates, ViewFolder, context};
///
/// let folder = ViewFolder::embedded("views", &[("bill.txt", "You owe us {{ sum }} coins.")]);
/// let templates = Templates::new([folder], &Profile::Test);
/// assert_eq!(templates.render("bill.txt", context! { sum => 12 }).unwrap(), "You owe us 12 coins.");
/// ```
pub struct Templates {
    environment: Environment<'static>,
    sources: Arc<Sources>,
}

/// Where views come from.
struct Sources {
    /// The later one goes before.
    folders: Vec<ViewFolder>,
    /// Whether the files on the disk go before what is embedded.
    reads_files: bool,
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sources.names()).finish()
    }
}

impl Templates {
    /// Those of these folders; the later one goes before.
    pub fn new(folders: impl IntoIterator<Item = ViewFolder>, profile: &Profile) -> Self {
        let folders = folders.into_iter().collect();
        Self::of(Sources { folders, reads_files: profile.is_development() }, [])
    }

    pub(crate) fn provide(contributions: Inject<Contributions>, profile: Inject<Profile>) -> Self {
        Self::of_all(&contributions, &profile)
    }

    /// Everything that modules contribute.
    pub(crate) fn of_all(contributions: &Contributions, profile: &Profile) -> Self {
        let folders = contributions.of::<ViewFolder>().map(|folder| folder.value.clone()).collect();
        let extensions: Vec<_> = contributions.of::<Extension>().map(|one| one.value.clone()).collect();
        Self::of(Sources { folders, reads_files: profile.is_development() }, extensions)
    }

    fn of(sources: Sources, extensions: impl IntoIterator<Item = Extension>) -> Self {
        let sources = Arc::new(sources);
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        // A line that has only a tag leaves no line.
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            environment.set_syntax(syntax);
        }
        environment.set_debug(true);
        environment.set_auto_reload(sources.reads_files);
        let loads = Arc::clone(&sources);
        environment.set_loader(move |name| Ok(Sources::load(&loads, name)));
        for extension in extensions {
            (extension.0)(&mut environment);
        }
        Self { environment, sources }
    }

    /// Renders a view. What it is given is escaped in views whose names end in `.html`.
    ///
    /// # Errors
    ///
    /// When there is no such view, or it fails; the error says in which line. It is a fault of ours: the client hears of none.
    pub fn render(&self, name: &str, context: Context) -> Result<String> {
        let rendered = self.environment.get_template(name).and_then(|view| view.render(context));
        rendered.map_err(|fault| self.explain(name, &fault))
    }

    /// Renders one block of a view: what changes on a page that is there already.
    ///
    /// # Errors
    ///
    /// As [`render`](Self::render), and when it has no such block.
    pub fn render_block(&self, name: &str, block: &str, context: Context) -> Result<String> {
        self.render_part(name, block, context, || {})
    }

    /// Renders a view without one of its blocks: what that says is used elsewhere, such as the subject of a mail.
    ///
    /// # Errors
    ///
    /// As [`render`](Self::render). A view that has no such block is rendered as it is.
    pub fn render_without(&self, name: &str, block: &str, context: Context) -> Result<String> {
        // A view that extends it, and has nothing there. The end of its name says what is escaped.
        let (outer, source) = (
            format!("without {block}/{name}"),
            format!("{{% extends {name:?} %}}{{% block {block} %}}{{% endblock %}}"),
        );
        let view = self.environment.template_from_named_str(&outer, &source);
        let rendered = view.and_then(|view| view.render(context));
        rendered.map_err(|fault| self.explain(name, &fault))
    }

    /// The view is evaluated first, for what it sets; `before` comes between that and the block.
    pub(crate) fn render_part(
        &self,
        name: &str,
        block: &str,
        context: Context,
        before: impl FnOnce(),
    ) -> Result<String> {
        let view = self.environment.get_template(name).and_then(|view| view.render_captured(context));
        before();
        let rendered = view.and_then(|mut view| view.with_state_mut(|state| state.render_block(block)));
        rendered.map_err(|fault| self.explain(name, &fault))
    }

    /// Whether there is a view of this name.
    pub fn has(&self, name: &str) -> bool {
        self.sources.source(name).is_some()
    }

    /// What is wrong with the views themselves: each that does not compile.
    pub(crate) fn mistakes(&self) -> impl Iterator<Item = (&str, minijinja::Error)> {
        let compile = |name| self.environment.get_template(name).err().map(|fault| (name, fault));
        // One that is not on the disk any more is missed by whoever asks for it.
        self.sources
            .names()
            .filter_map(compile)
            .filter(|(_, fault)| fault.kind() != ErrorKind::TemplateNotFound)
    }

    fn explain(&self, asked: &str, fault: &minijinja::Error) -> Error {
        let fault = innermost(fault);
        if fault.kind() == ErrorKind::TemplateNotFound {
            return Error::internal(self.not_found(asked, fault));
        }
        let mut told = mistake(asked, fault);
        if self.sources.reads_files {
            told.push_str(&fault.display_debug_info().to_string());
        }
        Error::internal(told)
    }

    fn not_found(&self, asked: &str, fault: &minijinja::Error) -> String {
        let missing = fault.detail().and_then(|detail| detail.split(['"', '\'']).nth(1)).unwrap_or(asked);
        let named = if fault.name().is_some() {
            format!(", which {} names", place(asked, fault))
        } else {
            String::new()
        };
        format!("there is no view `{missing}`{named}{}", did_you_mean(missing, self.sources.names()))
    }
}

/// What is wrong, and where: `the view "articles/show.html", line 12: …`.
pub(crate) fn mistake(asked: &str, fault: &minijinja::Error) -> String {
    let mut text = format!("the view {}: ", place(asked, fault));
    text.push_str(fault.detail().unwrap_or(&fault.kind().to_string()));
    if let Some(cause) = std::error::Error::source(fault) {
        text.push_str(&format!(": {}", Chain(cause)));
    }
    text
}

fn place(asked: &str, fault: &minijinja::Error) -> String {
    let name = fault.name().unwrap_or(asked);
    fault.line().map_or_else(|| format!("`{name}`"), |line| format!("`{name}`, line {line}"))
}

/// Where it began: a view that is included in others fails in each of them.
fn innermost(fault: &minijinja::Error) -> &minijinja::Error {
    let inner = std::error::Error::source(fault).and_then(|source| source.downcast_ref());
    inner.map_or(fault, innermost)
}

impl Sources {
    /// The names of all views, those that only the disk has left out.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let mut names: Vec<_> =
            self.folders.iter().flat_map(ViewFolder::files).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter()
    }

    fn source(&self, name: &str) -> Option<String> {
        self.folders.iter().rev().find_map(|folder| {
            let read = if self.reads_files { folder.read(name) } else { None };
            // Where the folder is there, what is not in it has been deleted.
            let is_deleted = read.is_none() && self.reads_files && folder.on_disk().is_some();
            let embedded = if is_deleted { None } else { folder.source(name) };
            read.or_else(|| embedded.map(str::to_owned))
        })
    }

    fn load(sources: &Arc<Self>, name: &str) -> Option<TemplateSource> {
        let source = sources.source(name)?;
        let (again, name, before) = (Arc::clone(sources), name.to_owned(), source.clone());
        Some(
            TemplateSource::new(source)
                .with_uptodate_check(move || again.source(&name).is_some_and(|now| now == before)),
        )
    }
}
