//! Turns: a tenant's guests run, whatever those of others do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, Int64Array};
use arrow::datatypes::DataType;
use expect_test::expect;
use wasmill_plugin::{Budget, Function, Host, HostConfig, OpenOptions};

use crate::support::{fields, plugin_path, rendered};

fn host() -> Arc<Host> {
    Host::new(HostConfig {
        turns: 1,
        ..HostConfig::default()
    })
    .unwrap()
}

fn endless(host: &Arc<Host>, change: impl FnOnce(&mut OpenOptions)) -> Arc<Function> {
    let mut options = OpenOptions::new("attack", fields(&[DataType::Int64]));
    options
        .parameters
        .insert("attack".to_owned(), "batch-eval".to_owned());
    let tenant = host.tenant("hostile", Budget::of_tenant());
    options.account = Some(tenant.job(Budget::of_job()));
    options.limits.time = Duration::from_millis(500);
    change(&mut options);
    let path = plugin_path("hostile/endless-loop");
    let plugin = host.load("endless-loop.wasm", &path).unwrap();
    plugin.open("loop", options).unwrap()
}

fn attack(function: &Function) -> String {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    rendered(&function.call(&[numbers], 2).unwrap_err())
}

fn haversine(host: &Arc<Host>, tenant: &str) -> Arc<Function> {
    let path = plugin_path("haversine");
    let plugin = host.load("haversine.wasm", &path).unwrap();
    let mut options = OpenOptions::new("distance", fields(&vec![DataType::Float64; 4]));
    let tenant = host.tenant(tenant, Budget::of_tenant());
    options.account = Some(tenant.job(Budget::of_job()));
    plugin.open("haversine", options).unwrap()
}

fn call(function: &Function) {
    let column: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]));
    function.call(&vec![column; 4], 3).unwrap();
}

/// Eight calls of one tenant want four seconds of the only turn; another tenant's calls do not wait
/// for that.
#[test]
fn nobody_waits_for_anothers_endless_loops() {
    let host = host();
    let (endless, haversine) = (endless(&host, |_| {}), haversine(&host, "good"));
    let over = AtomicUsize::new(0);
    let errors = thread::scope(|scope| {
        let attacks = [(); 8].map(|()| {
            scope.spawn(|| {
                let error = attack(&endless);
                over.fetch_add(1, Ordering::Relaxed);
                error
            })
        });
        for _ in 0..50 {
            call(&haversine);
        }
        assert!(over.load(Ordering::Relaxed) < 8);
        attacks.map(|attack| attack.join().unwrap())
    });
    // Waiting is not the call's time: each has had its own half second.
    let [first, others @ ..] = errors;
    expect![[r#"
        error: function attack (endless-loop.wasm#loop) ran over its time limit of 500 ms in `batch-eval`
          its last log lines:
            info: here \x1b[31mI go

        hint: a longer limit can be given with 'limit.time' in the function's WITH"#]]
    .assert_eq(&first);
    assert!(others.iter().all(|error| *error == first));
}

/// Nor for those of other jobs of its own tenant.
#[test]
fn calls_of_one_tenant_take_turns() {
    let host = host();
    let (endless, haversine) = (endless(&host, |_| {}), haversine(&host, "hostile"));
    let over = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                attack(&endless);
                over.fetch_add(1, Ordering::Relaxed);
            });
        }
        for _ in 0..5 {
            call(&haversine);
        }
        assert!(over.load(Ordering::Relaxed) < 4);
    });
}

/// Half of each second: it waits, and does not fail for that.
#[test]
fn a_call_that_has_used_up_its_cpu_time_waits() {
    let host = host();
    let endless = endless(&host, |options| {
        options.limits.cpu = Duration::from_millis(500);
    });
    let good = haversine(&host, "good");
    let error = thread::scope(|scope| {
        let attack = scope.spawn(|| attack(&endless));
        for _ in 0..50 {
            call(&good);
        }
        attack.join().unwrap()
    });
    expect![[r#"
        error: function attack (endless-loop.wasm#loop) ran over its time limit of 500 ms in `batch-eval`
          its last log lines:
            info: here \x1b[31mI go

        hint: a longer limit can be given with 'limit.time' in the function's WITH"#]].assert_eq(&error);
    call(&good);
}
