//! What one guest of a component is made of: the memories, tables and instances of modules that there
//! are when it is instantiated.

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, Encoding, Instance, Payload,
};

/// Of a guest, or of a part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Footprint {
    pub memories: u64,
    pub tables: u64,
    /// Of modules.
    pub instances: u64,
}

impl Footprint {
    /// Components within components are instantiated as often as those around them: no sum is too
    /// large to be one.
    fn add(&mut self, more: Footprint) {
        self.memories = self.memories.saturating_add(more.memories);
        self.tables = self.tables.saturating_add(more.tables);
        self.instances = self.instances.saturating_add(more.instances);
    }
}

/// A module or a component that is being read.
#[derive(Debug)]
struct Scope {
    encoding: Encoding,
    footprint: Footprint,
    /// What an instance of each of its modules and components has, by their indices.
    modules: Vec<Footprint>,
    components: Vec<Footprint>,
}

/// Follows a parser through a component. Indices that are wrong mean nothing here: the compiler
/// refuses them. Nor do modules that are imported or that an instance exports.
#[derive(Debug)]
pub(super) struct Footprints {
    /// The outermost first.
    scopes: Vec<Scope>,
    /// Modules and components that have an index.
    pub named: u64,
    most_named: u64,
}

impl Footprints {
    /// More modules and components than these are counted, but not kept.
    pub fn new(most_named: u64) -> Self {
        Self {
            scopes: Vec::new(),
            named: 0,
            most_named,
        }
    }

    /// Gives the footprint of the whole where it ends.
    pub fn read(&mut self, payload: &Payload<'_>) -> Result<Option<Footprint>, BinaryReaderError> {
        match payload {
            Payload::Version { encoding, .. } => self.scopes.push(Scope {
                encoding: *encoding,
                footprint: Footprint::default(),
                modules: Vec::new(),
                components: Vec::new(),
            }),
            Payload::MemorySection(section) => {
                self.add(|footprint| footprint.memories += u64::from(section.count()));
            }
            Payload::TableSection(section) => {
                self.add(|footprint| footprint.tables += u64::from(section.count()));
            }
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        let made = self.found(ComponentExternalKind::Module, 0, module_index);
                        self.add(|footprint| {
                            footprint.add(made);
                            footprint.instances = footprint.instances.saturating_add(1);
                        });
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    if let ComponentInstance::Instantiate {
                        component_index, ..
                    } = instance?
                    {
                        let made = self.found(ComponentExternalKind::Component, 0, component_index);
                        self.add(|footprint| footprint.add(made));
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    match alias? {
                        ComponentAlias::Outer { kind, count, index } => {
                            let kind = match kind {
                                ComponentOuterAliasKind::CoreModule => {
                                    ComponentExternalKind::Module
                                }
                                ComponentOuterAliasKind::Component => {
                                    ComponentExternalKind::Component
                                }
                                _ => continue,
                            };
                            let found = self.found(kind, count, index);
                            self.name(kind, found);
                        }
                        ComponentAlias::InstanceExport { kind, .. } => {
                            self.name(kind, Footprint::default());
                        }
                        ComponentAlias::CoreInstanceExport { .. } => {}
                    }
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    self.name(import?.ty.kind(), Footprint::default());
                }
            }
            // What is exported gets an index more.
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    let found = self.found(export.kind, 0, export.index);
                    self.name(export.kind, found);
                }
            }
            Payload::End(_) => return Ok(self.end()),
            _ => {}
        }
        Ok(None)
    }

    fn add(&mut self, add: impl FnOnce(&mut Footprint)) {
        if let Some(scope) = self.scopes.last_mut() {
            add(&mut scope.footprint);
        }
    }

    /// What an instance of that index has, in the component so many around the one that is read.
    fn found(&self, kind: ComponentExternalKind, around: u32, index: u32) -> Footprint {
        let found = || {
            let scope = self
                .scopes
                .iter()
                .rev()
                .nth(usize::try_from(around).ok()?)?;
            let all = match kind {
                ComponentExternalKind::Module => &scope.modules,
                _ => &scope.components,
            };
            all.get(usize::try_from(index).ok()?).copied()
        };
        found().unwrap_or_default()
    }

    /// Gives a module or a component the next index.
    fn name(&mut self, kind: ComponentExternalKind, footprint: Footprint) {
        let Some(scope) = self.scopes.last_mut() else {
            return;
        };
        let all = match kind {
            ComponentExternalKind::Module => &mut scope.modules,
            ComponentExternalKind::Component => &mut scope.components,
            _ => return,
        };
        self.named += 1;
        if self.named <= self.most_named {
            all.push(footprint);
        }
    }

    fn end(&mut self) -> Option<Footprint> {
        let ended = self.scopes.pop()?;
        if self.scopes.is_empty() {
            return Some(ended.footprint);
        }
        let kind = match ended.encoding {
            Encoding::Module => ComponentExternalKind::Module,
            Encoding::Component => ComponentExternalKind::Component,
        };
        self.name(kind, ended.footprint);
        None
    }
}
