package dev.javisor.conformance.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.javisor.processor.core.Cpu;
import java.net.URL;
import java.time.Clock;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The plan of the house (docs/design.md): who may know whom. */
class FloorsTest {
    private static JavaClasses classes;

    @BeforeAll
    static void read() {
        assumeThat(location(Cpu.class)).as("tests are compiled apart from what they test").isNotEqualTo(location(FloorsTest.class));
        classes = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .withImportOption(location -> !location.contains("/test-classes/"))
                .importPackages(
                        "dev.javisor.isa", "dev.javisor.processor", "dev.javisor.hypervisor", "dev.javisor.machine", "dev.javisor.cli");
    }

    private static URL location(Class<?> c) {
        return c.getProtectionDomain().getCodeSource().getLocation();
    }

    @Test
    void aModuleKnowsOnlyTheFloorsBelow() {
        layeredArchitecture()
                .consideringOnlyDependenciesInAnyPackage("dev.javisor..")
                .layer("isa").definedBy("dev.javisor.isa..")
                .layer("processor").definedBy("dev.javisor.processor..")
                .layer("hypervisor").definedBy("dev.javisor.hypervisor..")
                .layer("machine").definedBy("dev.javisor.machine..")
                .layer("cli").definedBy("dev.javisor.cli..")
                .whereLayer("isa").mayNotAccessAnyLayer()
                .whereLayer("processor").mayOnlyAccessLayers("isa")
                .whereLayer("hypervisor").mayOnlyAccessLayers("isa", "processor")
                .whereLayer("machine").mayOnlyAccessLayers("isa", "processor", "hypervisor")
                .whereLayer("cli").mayOnlyAccessLayers("isa", "processor", "hypervisor", "machine")
                .check(classes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"dev.javisor.processor.(*)..", "dev.javisor.hypervisor.(*)..", "dev.javisor.machine.(*).."})
    void packagesOfAModuleFormNoCycle(String packages) {
        slices().matching(packages).should().beFreeOfCycles().check(classes);
    }

    @Test
    void thereIsNoStaticMutableState() {
        noFields()
                .that().areStatic()
                // Counts while the enumeration is made, and never again.
                .and().areNotDeclaredIn("dev.javisor.isa.Msr$Slots")
                .should().notHaveModifier(JavaModifier.FINAL).check(classes);
    }

    @Test
    void noWallClockReachesTheGuest() {
        noClasses()
                .that().resideInAnyPackage(
                        "dev.javisor.isa..", "dev.javisor.processor..", "dev.javisor.hypervisor..", "dev.javisor.machine..")
                // Waits in real time while a user watches, which the guest cannot see.
                .and().doNotHaveFullyQualifiedName("dev.javisor.machine.Machine")
                // Measure what compiling costs, and decide whether it pays, which the guest cannot see.
                .and().haveNameNotMatching(".*\\.execution\\.(CodePage|RegionFactory|CompilerStatistics)(\\$.*)?")
                .should().callMethod(System.class, "nanoTime")
                .orShould().callMethod(System.class, "currentTimeMillis")
                .orShould().dependOnClassesThat().areAssignableTo(Clock.class)
                .orShould().dependOnClassesThat().areAssignableTo(Random.class)
                .check(classes);
    }

    @Test
    void theProcessorDoesNoInputAndOutput() {
        noClasses()
                .that().resideInAnyPackage("dev.javisor.isa..", "dev.javisor.processor..")
                .should().dependOnClassesThat().resideInAnyPackage("java.net..", "java.nio.file..", "java.nio.channels..")
                .check(classes);
    }

    @Test
    void oneClassKnowsRawMemory() {
        noClasses()
                .that().doNotHaveSimpleName("HostMemory")
                .should().dependOnClassesThat().haveFullyQualifiedName("sun.misc.Unsafe")
                .check(classes);
    }
}
