package dev.javisor.processor.memory;

/** Knows which guest-physical bytes hold decoded code, and forgets the code before they change. */
public interface CodeObserver {
    /** Does any decoded instruction cover one of these bytes (all within one page)? */
    boolean holdsCode(long gpa, int size);

    /** {@code size} bytes at {@code gpa} (within one page whose {@link Region#CODE} flag is set) are about to be changed. */
    void codeChanging(long gpa, int size);
}
