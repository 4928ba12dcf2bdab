package dev.javisor.conformance.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.core.Cpu;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.CodeAttribute;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** HotSpot never compiles a method of more than 8000 bytes of bytecode (DontCompileHugeMethods); it would run a hundred times slower. */
class MethodSizeTest {
    private static final int LIMIT = 8000;
    /** Methods that run once or never. */
    private static final Set<String> COLD = Set.of("<clinit>", "$deserializeLambda$");

    @Test
    void everyMethodOfTheProcessorCanBeCompiled() throws IOException, URISyntaxException {
        Path location = Path.of(Cpu.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        List<String> huge = new ArrayList<>();
        int[] classes = new int[1];
        if (Files.isDirectory(location)) {
            check(location, huge, classes);
        } else {
            try (FileSystem jar = FileSystems.newFileSystem(URI.create("jar:" + location.toUri()), Map.of())) {
                check(jar.getPath("/"), huge, classes);
            }
        }
        assertThat(classes[0]).as("classes looked at").isGreaterThan(50);
        assertThat(huge).isEmpty();
    }

    private static void check(Path root, List<String> huge, int[] classes) throws IOException {
        try (Stream<Path> files = Files.walk(root.resolve("dev/javisor/processor"))) {
            files.filter(f -> f.toString().endsWith(".class")).forEach(f -> {
                classes[0]++;
                check(f, huge);
            });
        }
    }

    private static void check(Path file, List<String> huge) {
        ClassModel model;
        try {
            model = ClassFile.of().parse(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        for (MethodModel m : model.methods()) {
            int size = m.findAttribute(Attributes.code()).map(CodeAttribute::codeLength).orElse(0);
            if (size > LIMIT && !COLD.contains(m.methodName().stringValue())) {
                huge.add(model.thisClass().asInternalName() + "." + m.methodName() + ": " + size);
            }
        }
    }
}
