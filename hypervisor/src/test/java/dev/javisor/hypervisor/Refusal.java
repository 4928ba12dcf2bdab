package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.javisor.hypervisor.abi.KvmException;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** A call of the interface that is refused with an error. */
final class Refusal {
    private Refusal() {}

    static void of(ThrowingCallable call, KvmException.Error error) {
        assertThatThrownBy(call).isInstanceOfSatisfying(KvmException.class, e -> assertThat(e.error()).isEqualTo(error));
    }
}
