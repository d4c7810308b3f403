//! CREATE, ALTER and DROP MODEL: what they make of the catalog, and of a job that runs with a model.

use std::{collections::BTreeMap, sync::Arc};

use super::reset;
use crate::{
    catalog::{Catalog, DeclaredModel},
    error::{EngineError, Location},
    planning::Shared,
    sql::{
        Alter, AlterAction, CreateModel, ObjectKind, ParsedStatement, Script, Statement,
        parse as parse_script,
    },
};

/// Puts the model into the catalog.
pub(crate) fn create_model(
    catalog: &mut Catalog,
    create: &CreateModel,
    location: Option<Location>,
) -> Result<(), EngineError> {
    let name = &create.name.text;
    if catalog.is_free(ObjectKind::Model, name, create.if_not_exists)? {
        let model = DeclaredModel::new(
            name.clone(),
            create.temporary,
            (create.inputs.clone(), create.outputs.clone()),
            create.comment.clone(),
            create.options.clone(),
            location,
        );
        catalog.models.insert(name.clone(), Arc::new(model));
    }
    Ok(())
}

/// A model, and what ALTER makes of it.
struct Altered {
    before: Arc<DeclaredModel>,
    after: DeclaredModel,
}

impl Altered {
    /// `None`: there is no such model, and the statement says IF EXISTS.
    fn of(catalog: &Catalog, alter: &Alter) -> Result<Option<Self>, EngineError> {
        let name = &alter.name.text;
        let before = match catalog.model(name) {
            Err(_) if alter.if_exists => return Ok(None),
            found => found?,
        };
        let mut options = before.options.clone();
        let mut new_name = name.clone();
        match &alter.action {
            AlterAction::Set(set) => options.values.extend(set.values.clone()),
            AlterAction::Reset(keys) => reset(&mut options.values, keys)?,
            AlterAction::Rename(to) => {
                catalog.is_free(ObjectKind::Model, &to.text, false)?;
                new_name.clone_from(&to.text);
            }
        }
        let after = before.altered(new_name, options);
        Ok(Some(Altered { before, after }))
    }

    fn is_renamed(&self) -> bool {
        self.before.name != self.after.name
    }

    fn put_into(self, catalog: &mut Catalog) {
        catalog.models.remove(&self.before.name);
        let name = self.after.name.clone();
        catalog.models.insert(name, Arc::new(self.after));
    }
}

/// ALTER MODEL. A job that runs with the model goes on with what it is from now on.
pub(super) fn alter_model(shared: &Shared, alter: &Alter) -> Result<(), EngineError> {
    let Some(altered) = Altered::of(&shared.catalog.read(), alter)? else {
        return Ok(());
    };
    if !altered.is_renamed() {
        // Loads it, so the catalog is left to others meanwhile.
        altered.after.follow(&altered.before, shared)?;
    }
    altered.put_into(&mut shared.catalog.write());
    Ok(())
}

/// The models that a script leaves behind, by their names; none is loaded.
fn models_of(script: &Script) -> Result<BTreeMap<String, Arc<DeclaredModel>>, EngineError> {
    let (statements, _) = parse_script(script)?;
    let mut catalog = Catalog::default();
    for ParsedStatement { statement, .. } in &statements {
        match statement {
            Statement::CreateModel(create) => {
                let place = script.location(create.name.span);
                create_model(&mut catalog, create, place.clone()).map_err(|e| e.at(|| place))?;
            }
            Statement::Alter(alter) if alter.kind == ObjectKind::Model => {
                let altered = Altered::of(&catalog, alter);
                let altered = altered.map_err(|e| e.at(|| script.location(alter.name.span)))?;
                if let Some(altered) = altered {
                    altered.put_into(&mut catalog);
                }
            }
            Statement::Drop {
                kind: ObjectKind::Model,
                name,
                if_exists,
            } => {
                let removed = catalog.remove(ObjectKind::Model, &name.text, *if_exists);
                removed.map_err(|e| e.at(|| script.location(name.span)))?;
            }
            _ => {}
        }
    }
    Ok(catalog.models)
}

/// Has each model with which a job runs be what a script says of it, as ALTER MODEL would. All others, and
/// those of which the script does not know, stay as they are.
///
/// Gives the names of those that have changed, and what is wrong with others, which stay what they were.
pub(crate) fn redeclare(
    shared: &Shared,
    script: &Script,
) -> Result<Vec<Result<String, EngineError>>, EngineError> {
    let mut changes = Vec::new();
    for (name, after) in models_of(script)? {
        let Ok(before) = shared.catalog.read().model(&name) else {
            continue;
        };
        if !before.is_in_use() || before.says_the_same(&after) {
            continue;
        }
        changes.push(match after.follow(&before, shared) {
            Ok(()) => {
                let mut catalog = shared.catalog.write();
                catalog.models.insert(name.clone(), after);
                Ok(name)
            }
            Err(error) => Err(error.at(|| after.location.clone())),
        });
    }
    Ok(changes)
}
