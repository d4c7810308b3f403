//! What the nodes of physical plans have in common.

/// Methods of an `ExecutionPlan` that has one input, in a field of this name, or none. No expression of it
/// is for others to look at. `of_input` makes the same of another input.
macro_rules! plan_node {
    ($name:literal, $input:ident) => {
        plan_node!(@ $name);

        fn children(&self) -> Vec<&std::sync::Arc<dyn ExecutionPlan>> {
            vec![&self.$input]
        }

        fn replace_children(
            self: std::sync::Arc<Self>,
            children: Vec<std::sync::Arc<dyn ExecutionPlan>>,
            _: datafusion::physical_plan::ReplaceChildrenOptions,
        ) -> datafusion::common::Result<std::sync::Arc<dyn ExecutionPlan>> {
            match <[_; 1]>::try_from(children) {
                Ok([input]) => Ok(std::sync::Arc::new(self.of_input(input)?)),
                Err(_) => datafusion::common::internal_err!("{} has one child", $name),
            }
        }
    };
    ($name:literal) => {
        plan_node!(@ $name);

        fn children(&self) -> Vec<&std::sync::Arc<dyn ExecutionPlan>> {
            vec![]
        }

        fn replace_children(
            self: std::sync::Arc<Self>,
            children: Vec<std::sync::Arc<dyn ExecutionPlan>>,
            _: datafusion::physical_plan::ReplaceChildrenOptions,
        ) -> datafusion::common::Result<std::sync::Arc<dyn ExecutionPlan>> {
            match children.is_empty() {
                true => Ok(self),
                false => datafusion::common::internal_err!("{} has no children", $name),
            }
        }
    };
    (@ $name:literal) => {
        fn name(&self) -> &'static str {
            $name
        }

        fn apply_expressions(
            &self,
            _: &mut dyn FnMut(
                &std::sync::Arc<dyn datafusion::physical_expr::PhysicalExpr>,
            ) -> datafusion::common::Result<
                datafusion::common::tree_node::TreeNodeRecursion,
            >,
        ) -> datafusion::common::Result<datafusion::common::tree_node::TreeNodeRecursion> {
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        }

        fn with_new_children(
            self: std::sync::Arc<Self>,
            children: Vec<std::sync::Arc<dyn ExecutionPlan>>,
        ) -> datafusion::common::Result<std::sync::Arc<dyn ExecutionPlan>> {
            use datafusion::physical_plan::{
                ReplaceChildrenOptions, execution_plan::ChildrenPropertiesMode,
            };
            let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            self.replace_children(children, anew)
        }
    };
}

pub(crate) use plan_node;
