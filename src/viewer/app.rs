//! The event loop: system events to egui, time to the playback, and a redraw when anything changed.

use super::panels::{self, Settings};
use super::screen::Screen;
use super::stage::Stage;
use super::{Exhibit, Playback, ViewerError};
use std::sync::Arc;
use std::time::{Duration, Instant};
use winit::application::ApplicationHandler;
use winit::dpi::LogicalSize;
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop};
use winit::window::{Window, WindowId};

/// First size of the window [points].
const SIZE: LogicalSize<f64> = LogicalSize::new(1280.0, 800.0);
/// A pause of the system (a breakpoint, a closed lid) is not simulated.
const LONGEST_STEP: Duration = Duration::from_millis(200);

pub fn run(exhibit: Exhibit) -> Result<(), ViewerError> {
    let event_loop = EventLoop::new().map_err(|error| {
        // The system's words come after the place in winit's source where they were met.
        let text = error.to_string();
        let cause = text.rsplit(": ").next().unwrap_or_default().trim_end_matches('.');
        ViewerError::Window(format!("{cause}; `softscape render` draws without a display"))
    })?;
    let mut app = App { exhibit: Some(exhibit), open: None, error: None };
    event_loop.run_app(&mut app).map_err(|e| ViewerError::Window(e.to_string()))?;
    app.error.map_or(Ok(()), Err)
}

struct App {
    /// Until the window opens.
    exhibit: Option<Exhibit>,
    open: Option<Open>,
    /// Why the event loop was left, if not by the user.
    error: Option<ViewerError>,
}

/// Everything that exists while the window does.
struct Open {
    screen: Screen,
    input: egui_winit::State,
    playback: Playback,
    stage: Stage,
    settings: Settings,
    last: Instant,
}

impl ApplicationHandler for App {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        if let Some(exhibit) = self.exhibit.take() {
            match Open::new(event_loop, exhibit) {
                Ok(open) => self.open = Some(open),
                Err(error) => self.fail(event_loop, error),
            }
        }
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        let Some(open) = &mut self.open else { return };
        match event {
            WindowEvent::CloseRequested => event_loop.exit(),
            WindowEvent::RedrawRequested => match open.redraw() {
                Ok(next) => event_loop.set_control_flow(next),
                Err(error) => self.fail(event_loop, error),
            },
            event => {
                if let WindowEvent::Resized(size) = &event {
                    open.screen.resize([size.width, size.height]);
                }
                if open.input.on_window_event(open.screen.window(), &event).repaint {
                    open.screen.window().request_redraw();
                }
            }
        }
    }

    fn new_events(&mut self, _: &ActiveEventLoop, cause: winit::event::StartCause) {
        if let (winit::event::StartCause::ResumeTimeReached { .. }, Some(open)) =
            (cause, &self.open)
        {
            open.screen.window().request_redraw();
        }
    }
}

impl App {
    fn fail(&mut self, event_loop: &ActiveEventLoop, error: ViewerError) {
        self.error = Some(error);
        event_loop.exit();
    }
}

impl Open {
    fn new(event_loop: &ActiveEventLoop, exhibit: Exhibit) -> Result<Self, ViewerError> {
        let attributes = Window::default_attributes()
            .with_title(format!("softscape: {}", exhibit.title))
            .with_inner_size(SIZE);
        let window =
            event_loop.create_window(attributes).map_err(|e| ViewerError::Window(e.to_string()))?;
        let screen = Screen::new(event_loop, Arc::new(window))?;
        let simulator = (exhibit.simulator)(screen.gpu())?;
        let playback = Playback::new(exhibit.show, simulator, exhibit.objective, exhibit.fastest)?;
        let context = egui::Context::default();
        context.set_theme(egui::Theme::Light);
        let input = egui_winit::State::new(
            context,
            egui::ViewportId::ROOT,
            event_loop,
            Some(screen.window().scale_factor() as f32),
            None,
            Some(screen.gpu().device.limits().max_texture_dimension_2d as usize),
        );
        let stage = Stage::new(screen.gpu());
        let settings = Settings::new(&playback, exhibit.curves);
        screen.window().request_redraw();
        Ok(Self { screen, input, playback, stage, settings, last: Instant::now() })
    }

    /// Lets time pass and draws; when to look again.
    fn redraw(&mut self) -> Result<ControlFlow, ViewerError> {
        let now = Instant::now();
        let wall = now.duration_since(self.last).min(LONGEST_STEP);
        self.last = now;
        if self.playback.pass(wall) {
            self.stage.changed();
        }

        let Self { screen, input, playback, stage, settings, .. } = self;
        let context = input.egui_ctx().clone();
        let output = context.run_ui(input.take_egui_input(screen.window()), |ui| {
            if panels::show(ui, playback, settings) {
                stage.changed();
            }
            stage.show(ui, playback, settings);
        });
        stage.draw(screen, playback, settings, output.pixels_per_point);
        input.handle_platform_output(screen.window(), output.platform_output);
        let shapes = context.tessellate(output.shapes, output.pixels_per_point);
        screen.present(&output.textures_delta, &shapes, output.pixels_per_point)?;
        screen.gpu().check()?;

        // Stay awake while something runs or moves.
        let delay = output
            .viewport_output
            .get(&egui::ViewportId::ROOT)
            .map_or(Duration::MAX, |viewport| viewport.repaint_delay);
        if playback.playing || delay.is_zero() {
            screen.window().request_redraw();
            return Ok(ControlFlow::Wait);
        }
        Ok(Instant::now().checked_add(delay).map_or(ControlFlow::Wait, ControlFlow::WaitUntil))
    }
}
