//! Budgets: what all functions of a job, or of a tenant, may use together.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::DataType;
use expect_test::expect;
use wasmill_plugin::{
    Account, Budget, Function, Host, HostConfig, Limits, OpenOptions, PluginError,
};

use crate::models::{columns, slow_in};
use crate::support::{fields, host, plugin_path, rendered};

fn host_of(instances: u32) -> Arc<Host> {
    Host::new(HostConfig {
        instances,
        ..HostConfig::default()
    })
    .unwrap()
}

fn job(tenant: &str, budget: Budget) -> Arc<Account> {
    host().tenant(tenant, Budget::of_tenant()).job(budget)
}

fn open(host: &Arc<Host>, job: &Arc<Account>) -> Result<Arc<Function>, PluginError> {
    let plugin = host
        .load("haversine.wasm", &plugin_path("haversine"))
        .unwrap();
    let mut options = OpenOptions::new("distance", fields(&vec![DataType::Float64; 4]));
    options.account = Some(job.clone());
    plugin.open("haversine", options)
}

fn call(function: &Function) -> Result<ArrayRef, PluginError> {
    let column: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]));
    function.call(&vec![column; 4], 3)
}

/// What the user sees of another function of a job while one of its functions is at work.
fn beside_one_at_work(host: &Arc<Host>, job: &Arc<Account>) -> String {
    let (slow, started, go_on) = slow_in(host, Some(job), Limits::default());
    thread::scope(|scope| {
        let at_work = scope.spawn(|| slow.call(&columns(), 2));
        started.recv().unwrap();
        let opened = open(host, job);
        go_on.send(()).unwrap();
        at_work.join().unwrap().unwrap();
        rendered(&opened.unwrap_err())
    })
}

#[test]
fn of_memory() {
    let job = job(
        "of memory",
        Budget {
            memory: 2 << 20,
            ..Budget::of_job()
        },
    );
    expect![[r#"
        error: function distance (haversine.wasm#haversine) cannot go on in `open`: all functions of the job together may have 2 MiB of memory, and would have 2.1 MiB

        hint: SET 'job.total.memory' before the functions gives the job more, or use a lower 'parallelism.default'"#]].assert_eq(&beside_one_at_work(&host(), &job));
}

#[test]
fn of_instances() {
    let job = job(
        "of instances",
        Budget {
            instances: 1,
            ..Budget::of_job()
        },
    );
    expect![[r#"
        error: function distance (haversine.wasm#haversine) cannot go on in `open`: all functions of the job together may have 1 instance, and would have 2

        hint: SET 'job.total.instances' before the functions gives the job more, or use a lower 'parallelism.default'"#]].assert_eq(&beside_one_at_work(&host(), &job));
}

#[test]
fn of_a_tenant() {
    let budget = Budget {
        instances: 1,
        ..Budget::of_tenant()
    };
    let job = host().tenant("acme", budget).job(Budget::of_job());
    expect![[r#"
        error: function distance (haversine.wasm#haversine) cannot go on in `open`: all functions of the tenant `acme` together may have 1 instance, and would have 2

        hint: wait until the tenant's other jobs need less, or have whoever runs this host give it more: --tenant-limit total.instances=…"#]].assert_eq(&beside_one_at_work(&host(), &job));
}

#[test]
fn of_all_instances_of_a_function() {
    let limits = Limits {
        total_memory: 2 << 20,
        ..Limits::default()
    };
    let (slow, started, go_on) = slow_in(&host(), None, limits);
    let error = thread::scope(|scope| {
        let at_work = scope.spawn(|| slow.call(&columns(), 2));
        started.recv().unwrap();
        let error = slow.call(&columns(), 2).unwrap_err();
        go_on.send(()).unwrap();
        at_work.join().unwrap().unwrap();
        error
    });
    expect![[r#"
        error: function score (predict.wasm#predict) cannot go on in `open`: all its instances together may have 2 MiB of memory, and would have 2.1 MiB

        hint: a higher limit can be given with 'limit.total-memory' in the function's WITH"#]].assert_eq(&rendered(&error));
}

#[test]
fn of_result_bytes() {
    let budget = Budget {
        result_bytes: 10,
        ..Budget::of_job()
    };
    let function = open(&host(), &job("of result bytes", budget)).unwrap();
    expect![[r#"
        error: function distance (haversine.wasm#haversine) cannot go on in `batch-eval`: all functions of the job together may have 10 bytes handed to their host, and would have 24 bytes

        hint: SET 'job.total.result-bytes' before the functions gives the job more, or use a lower 'parallelism.default'"#]].assert_eq(&rendered(&call(&function).unwrap_err()));
}

#[test]
fn of_models_at_work() {
    let limits = Limits {
        model_calls: 1,
        model_queue: 1,
        wall_time: Duration::from_millis(500),
        ..Limits::default()
    };
    let job = job("of models", Budget::of_job());
    let (slow, started, go_on) = slow_in(&host(), Some(&job), limits);
    let (queued, too_many) = thread::scope(|scope| {
        let at_work = scope.spawn(|| slow.call(&columns(), 2));
        started.recv().unwrap();
        // One of both waits until its time is over; the other may not even wait.
        let others = [(); 2].map(|()| scope.spawn(|| slow.call(&columns(), 2)));
        let errors = others.map(|call| rendered(&call.join().unwrap().unwrap_err()));
        go_on.send(()).unwrap();
        at_work.join().unwrap().unwrap_err();
        let [first, second] = errors;
        match first.contains("limit.model-calls") {
            true => (first, second),
            false => (second, first),
        }
    });
    expect![[r#"
        error: function score (predict.wasm#predict) cannot go on in `batch-eval`: all its instances together may have 1 model at work, and would have 2

        hint: a higher limit can be given with 'limit.model-calls' in the function's WITH"#]].assert_eq(&queued);
    expect![[r#"
        error: function score (predict.wasm#predict) cannot go on in `batch-eval`: all its instances together may have 1 call that waits for a model, and would have 2

        hint: a higher limit can be given with 'limit.model-queue' in the function's WITH"#]].assert_eq(&too_many);
    assert_eq!((job.used().model_calls, job.used().model_queue), (0, 0));
}

#[test]
fn a_call_waits_for_a_model() {
    let limits = Limits {
        model_calls: 1,
        ..Limits::default()
    };
    let (slow, started, go_on) = slow_in(&host(), None, limits);
    thread::scope(|scope| {
        let calls = [(); 3].map(|()| scope.spawn(|| slow.call(&columns(), 2)));
        for _ in &calls {
            started.recv().unwrap();
            // Nobody else is there while one is.
            assert!(started.try_recv().is_err());
            go_on.send(()).unwrap();
        }
        for call in calls {
            call.join().unwrap().unwrap();
        }
    });
}

#[test]
fn rows_that_a_guest_makes() {
    let mut options = OpenOptions::new("distance", fields(&vec![DataType::Float64; 4]));
    options.limits.result_rows = 2;
    let plugin = host()
        .load("haversine.wasm", &plugin_path("haversine"))
        .unwrap();
    let function = plugin.open("haversine", options).unwrap();
    expect![[r#"
        error: function distance (haversine.wasm#haversine) ran over its limit of 2 rows of a column or a batch in `batch-eval`: it makes one of 3

        hint: a higher limit can be given with 'limit.result-rows' in the function's WITH"#]].assert_eq(&rendered(&call(&function).unwrap_err()));
}

#[test]
fn what_is_gone_is_given_back() {
    let job = job("given back", Budget::of_job());
    let function = open(&host(), &job).unwrap();
    call(&function).unwrap();
    let used = job.used();
    assert_eq!((used.instances, used.result_bytes), (1, 0));
    assert!(used.memory > 1 << 20, "{}", used.memory);
    drop(function);
    let used = job.used();
    assert_eq!((used.instances, used.memory), (0, 0));
}

#[test]
fn idle_instances_go_before_one_is_refused() {
    let host = host_of(4);
    let jobs =
        ["a", "b", "c"].map(|name| host.tenant(name, Budget::of_tenant()).job(Budget::of_job()));
    let functions: Vec<_> = (0..12)
        .map(|n| open(&host, &jobs[n % 3]).unwrap())
        .collect();
    for _ in 0..2 {
        for function in &functions {
            call(function).unwrap();
        }
    }
    assert_eq!(host.account().used().instances, 4);
    // Those that were used last are still there.
    for function in &functions[8..] {
        let before = function.counters().instances;
        call(function).unwrap();
        assert_eq!(function.counters().instances, before);
    }
}

#[test]
fn idle_instances_of_another_tenant_do_not_go_for_a_jobs_sum() {
    let host = host_of(100);
    let other = host.tenant("b", Budget::of_tenant()).job(Budget::of_job());
    let others = open(&host, &other).unwrap();
    let job = host.tenant("a", Budget::of_tenant()).job(Budget {
        memory: 2 << 20,
        ..Budget::of_job()
    });
    let functions = [(); 3].map(|()| open(&host, &job).unwrap());
    for function in &functions {
        call(function).unwrap();
    }
    assert_eq!(job.used().instances, 1);
    call(&others).unwrap();
    assert_eq!(others.counters().instances, 1);
}

#[test]
fn no_room_on_the_host() {
    let host = host_of(1);
    let job = host.tenant("a", Budget::of_tenant()).job(Budget::of_job());
    // To ask a plugin for its functions takes a guest, too.
    let _loaded = host
        .load("haversine.wasm", &plugin_path("haversine"))
        .unwrap();
    expect![[r#"
        error: no room for another instance of function distance (haversine.wasm#haversine): 1 run already

        hint: use fewer functions or a lower parallelism"#]].assert_eq(&beside_one_at_work(&host, &job));
}
