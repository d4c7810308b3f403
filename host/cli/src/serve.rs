//! `wasmill serve-model`: models of a job file, or scalar functions as models, for clients of the Open
//! Inference Protocol.

use std::{
    convert::Infallible, future, net::SocketAddr, process::ExitCode, sync::Arc, thread,
    time::Duration,
};

use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
    sync::Notify,
};
use wasmill_engine::{EngineError, Servable, Session, SessionConfig};
use wasmill_server::{ServedModel, ServerLimits, serve as serve_models};

use crate::{
    arguments::{DEFAULT_TENANT, ServeModel},
    environment::{cache_folder, registries},
    output::Output,
    reload::Hangups,
    run::{FAILED, STACK_BYTES, WRONG, base_folder, read_job},
};

/// Serves until Ctrl-C; returns the exit code.
pub fn serve(arguments: &ServeModel) -> ExitCode {
    let output = Output::new(arguments.quiet);
    // Statements are parsed and planned as `wasmill run` does it.
    let code = thread::scope(|scope| {
        let main = thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || serve_to_end(arguments, &output));
        match main.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(code)) => code,
            // The panic was printed.
            Ok(Err(_)) => FAILED,
            Err(error) => {
                output.error(&format!("the main thread does not start: {error}"), None);
                FAILED
            }
        }
    });
    ExitCode::from(code)
}

fn serve_to_end(arguments: &ServeModel, output: &Output) -> u8 {
    let runtime = runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            output.error(&format!("the worker threads do not start: {error}"), None);
            return FAILED;
        }
    };
    let code = runtime.block_on(async {
        // Models are looked after until the end.
        let Declared {
            session,
            models,
            servables: _servables,
        } = match declared(arguments, output).await {
            Ok(declared) => declared,
            Err(code) => return code,
        };
        let gone = Arc::new(Notify::new());
        let listening = listen(arguments, models, Arc::clone(&gone), output);
        let Some(hangups) = Hangups::catch() else {
            return listening.await;
        };
        let followed = async {
            hangups.follow(session, arguments.job.clone(), output).await;
            gone.notify_one();
            future::pending::<Infallible>().await
        };
        tokio::select! {
            code = listening => code,
            never = followed => match never {},
        }
    });
    // A model that is at work past its deadline is not waited for.
    runtime.shutdown_background();
    code
}

struct Declared {
    session: Arc<Session>,
    models: Vec<ServedModel>,
    /// Looks after the models.
    servables: Vec<Servable>,
}

/// The models of the job that are to be served, loaded; or the exit code.
async fn declared(arguments: &ServeModel, output: &Output) -> Result<Declared, u8> {
    let job = &arguments.job;
    let text = read_job(job, output).ok_or(WRONG)?;
    let wrong = |error: EngineError| {
        output.error(&error.to_string(), error.hint());
        WRONG
    };
    let session = Session::new(SessionConfig {
        base: base_folder(job),
        settings: arguments.settings.iter().cloned().collect(),
        ceiling: Default::default(),
        allowed_grants: arguments.allowed_grants.clone(),
        tenant: DEFAULT_TENANT.to_owned(),
        tenant_limits: Default::default(),
        cache: cache_folder(),
        registries: registries(),
        stdout: output.stdout(),
        stderr: output.stderr(),
    })
    .map_err(wrong)?;
    let declared = session.declare(&job.display().to_string(), &text).await;
    for warning in session.take_warnings() {
        output.warning(&warning);
    }
    declared.map_err(wrong)?;
    let names = match arguments.models.is_empty() {
        true => session.model_names(),
        false => arguments.models.clone(),
    };
    if names.is_empty() {
        output.error(
            &format!("{} declares no model", job.display()),
            Some("--model NAME serves a scalar function".to_owned()),
        );
        return Err(WRONG);
    }
    let (mut models, mut servables) = (Vec::new(), Vec::new());
    for name in names {
        let servable = session.servable(&name).map_err(wrong)?;
        for warning in session.take_warnings() {
            output.warning(&warning);
        }
        let version = servable.model.version();
        let served = ServedModel::new(&name, servable.model.clone()).map_err(|error| {
            output.error(&error.to_string(), None);
            WRONG
        })?;
        output.note(&format!("{name}, version {version}"));
        models.push(served);
        servables.push(servable);
    }
    Ok(Declared {
        session: Arc::new(session),
        models,
        servables,
    })
}

/// Answers until a signal, or until the terminal is `gone`; returns the exit code.
async fn listen(
    arguments: &ServeModel,
    models: Vec<ServedModel>,
    gone: Arc<Notify>,
    output: &Output,
) -> u8 {
    let mut limits = ServerLimits {
        requests: arguments.max_requests.get(),
        body_bytes: arguments.max_request_mib.get().saturating_mul(1 << 20),
        timeout: Duration::from_secs(arguments.timeout.get().into()),
        ..ServerLimits::default()
    };
    if let Some(concurrency) = arguments.concurrency {
        limits.concurrency = concurrency.get();
    }
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate)] = signals else {
        output.error("signals cannot be caught", None);
        return FAILED;
    };
    let stop = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = gone.notified() => {}
        }
    };
    let listening = |address: SocketAddr| {
        output.note(&format!(
            "listening on {address}: grpc://{address}, http://{address}"
        ));
    };
    match serve_models(models, arguments.listen, limits, listening, stop).await {
        Ok(()) => 0,
        Err(error) => {
            output.error(&error.to_string(), None);
            FAILED
        }
    }
}
