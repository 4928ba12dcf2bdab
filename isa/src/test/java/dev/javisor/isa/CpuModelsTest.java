package dev.javisor.isa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class CpuModelsTest {
    static List<String> names() {
        return CpuModels.names();
    }

    @ParameterizedTest
    @MethodSource("names")
    void everyModelEnumeratesOnlyWhatItListsAndWhatIsImplemented(String name) {
        CpuModel m = CpuModels.parse(name);
        assertThat(m.features()).isEqualTo(m.listed().and(CpuModels.implemented()));
        assertThat(m.features().toSet()).contains(Feature.LM, Feature.SSE2, Feature.APIC);
        assertThat(m.brand().length()).isLessThanOrEqualTo(47);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"qemu64", "max", "host", "IvyBridge", "Skylake-Server", "Opteron_G1", "max,host-phys-bits", "max,migratable=no"})
    void knowsTheNamesThatOtherMachinesUse(String text) {
        assertThat(CpuModels.parse(text).features().has(Feature.FPU)).isTrue();
    }

    @Test
    void optionsChangeTheModel() {
        CpuModel m = CpuModels.parse(
                "qemu64,+x2apic,+tsc-deadline,-cx16,vendor=GenuineIntel,phys-bits=36,family=6,model=0x8f,stepping=3,pku=on");
        assertThat(m.vendor()).isEqualTo(CpuModel.Vendor.INTEL);
        assertThat(m.physicalBits()).isEqualTo(36);
        assertThat(m.signature()).isEqualTo(0x806F3);
        assertThat(m.features().toSet()).contains(Feature.X2APIC, Feature.TSC_DEADLINE_TIMER, Feature.PKU).doesNotContain(Feature.CX16);
        assertThat(CpuModels.parse("max,host-phys-bits").physicalBits()).isEqualTo(52);
        assertThat(CpuModels.parse("IvyBridge,phys-bits=36,host-phys-bits=off").physicalBits()).isEqualTo(36);
    }

    @Test
    void whatKvmOffersIsAskedFor() {
        assertThat(CpuModels.parse("max-intel").isParavirtual()).isFalse();
        assertThat(CpuModels.parse("max-intel,kvm=on,kvm=off").isParavirtual()).isFalse();
        CpuModel m = CpuModels.parse("qemu64,+kvmclock");
        assertThat(m.features().toSet())
                .contains(Feature.KVMCLOCK, Feature.KVMCLOCK2, Feature.HYPERVISOR)
                .doesNotContain(Feature.KVM_PV_IPI);
        assertThat(m.maxLeaf()).isEqualTo(CpuModels.parse("qemu64").maxLeaf());
        assertThat(CpuModels.parse("qemu64,kvm=on,-kvmclock").features().toSet())
                .contains(Feature.KVM_PV_IPI, Feature.KVM_STEAL_TIME)
                .doesNotContain(Feature.KVMCLOCK, Feature.KVMCLOCK2);
    }

    @Test
    void aFeatureRaisesTheHighestLeaf() {
        assertThat(CpuModels.parse("opteron-g1,+smep").maxLeaf()).isEqualTo(7);
        assertThat(CpuModels.parse("opteron-g1,+lfence_rdtsc").maxExtendedLeaf()).isEqualTo(0x80000021);
    }

    @Test
    void svmMakesTheMaximumAnAmdProcessor() {
        assertThat(CpuModels.parse("max,+svm").vendor()).isEqualTo(CpuModel.Vendor.AMD);
        assertThat(CpuModels.parse("max,+vmx").vendor()).isEqualTo(CpuModel.Vendor.INTEL);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "", "pentium9", "max-intel,+nosuchthing", "max-intel,nosuchthing=on", "max-intel,phys-bits=99", "max-intel,phys-bits=x",
        "max-intel,vendor=Cyrix", "max-intel,pcid=maybe", "max-intel,,+pcid"
    })
    void whatDoesNotExistIsOneClearLine(String text) {
        assertThatExceptionOfType(UnknownCpuException.class)
                .isThrownBy(() -> CpuModels.parse(text))
                .satisfies(e -> assertThat(e.getMessage()).isNotBlank().doesNotContain("\n"));
    }
}
