//! How much stack a call uses: it runs on a stack that has been painted, and what has lost its paint has been used.

#![allow(unsafe_code, reason = "a thread's stack can be lent to it by way of C only")]

/// The stack lent: more than any call here may use, so that too much is counted and does not crash.
const STACK: usize = 1024 * 1024;
const PAINT: u8 = 0xa5;

/// Bytes of stack that `call` uses, with what a thread needs to get there.
pub fn stack_of(call: impl FnOnce() + Send) -> usize {
    type Call<'c> = Option<Box<dyn FnOnce() + Send + 'c>>;

    extern "C" fn start(argument: *mut libc::c_void) -> *mut libc::c_void {
        // SAFETY: `argument` is the `Call` below, which outlives the thread and is touched by nobody else meanwhile.
        let call = unsafe { &mut *argument.cast::<Call<'_>>() };
        if let Some(call) = call.take() {
            call();
        }
        std::ptr::null_mut()
    }

    let layout = std::alloc::Layout::from_size_align(STACK, 4096).expect("a layout");
    let mut call: Call<'_> = Some(Box::new(call));
    // SAFETY: the stack is allocated here and freed behind the join; the thread has ended then.
    unsafe {
        let stack = std::alloc::alloc(layout);
        assert!(!stack.is_null());
        stack.write_bytes(PAINT, STACK);
        let mut attributes = std::mem::zeroed();
        let mut thread = std::mem::zeroed();
        assert_eq!(libc::pthread_attr_init(&mut attributes), 0);
        assert_eq!(libc::pthread_attr_setstack(&mut attributes, stack.cast(), STACK), 0);
        let argument = std::ptr::from_mut(&mut call).cast();
        assert_eq!(libc::pthread_create(&mut thread, &attributes, start, argument), 0);
        assert_eq!(libc::pthread_join(thread, std::ptr::null_mut()), 0);
        libc::pthread_attr_destroy(&mut attributes);
        let untouched = (0..STACK).take_while(|at| *stack.add(*at) == PAINT).count();
        std::alloc::dealloc(stack, layout);
        assert!(untouched > 0, "the stack was too short");
        STACK - untouched
    }
}
