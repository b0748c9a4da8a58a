import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.elasticsearch.Build;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.http.AbstractHttpServerTransport;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginBundle;
import org.elasticsearch.plugins.PluginsLoader;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.XContentBuilder;

/**
 * A single Elasticsearch node for tests, made of the jars on Maven Central (8.19 and 9.x).
 *
 * <p>Arguments: HOME DATA PORT [setting=value ...]. Prints one line with its URL once HTTP listens.
 */
public final class EsNode {
    private static final String NAME = "sluice-test";

    public static void main(String[] args) throws Exception {
        // The logging system has to stand before any class that asks it for a logger is loaded.
        LogConfigurator.configureESLogging();
        Environment environment = environment(args);
        LogConfigurator.configureWithoutConfig(environment.settings());

        PluginsLoader plugins = PluginsLoader.createPluginsLoader(modulesIn(environment.modulesDir()), Set.of(), Map.of(), false);
        Node node = new Node(environment, plugins);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
        HttpServerTransport http = node.injector().getInstance(HttpServerTransport.class);
        addRootPage(http, node.injector().getInstance(ClusterService.class));
        node.start();

        int port = http.boundAddress().publishAddress().getPort();
        System.out.println("elasticsearch " + Build.current().version() + " ready http://127.0.0.1:" + port);
        new CountDownLatch(1).await(); // the server's own threads are daemons
    }

    private static Environment environment(String[] args) {
        Path data = Path.of(args[1]);
        Settings.Builder settings = Settings.builder()
            .put("path.home", args[0])
            .put("path.data", data.toString())
            .put("path.logs", data.resolve("logs").toString())
            .put("cluster.name", NAME)
            .put("node.name", NAME)
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            .put("transport.port", "0")
            .put("http.port", args[2])
            .put("logger.level", "warn");
        for (String pair : Arrays.asList(args).subList(3, args.length)) {
            int equals = pair.indexOf('=');
            if (equals < 0) throw new IllegalArgumentException("not setting=value: " + pair);
            settings.put(pair.substring(0, equals), pair.substring(equals + 1));
        }
        return InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), null, () -> NAME);
    }

    /** The loader's signature grew a "stateless" flag during 9.x, so it is found by name. */
    @SuppressWarnings("unchecked")
    private static Set<PluginBundle> modulesIn(Path directory) throws ReflectiveOperationException {
        var load = Arrays.stream(PluginsLoader.class.getMethods())
            .filter(method -> method.getName().equals("loadModulesBundles"))
            .findFirst()
            .orElseThrow(() -> new NoSuchMethodException("PluginsLoader.loadModulesBundles"));
        Object[] arguments = load.getParameterCount() == 1 ? new Object[] {directory} : new Object[] {directory, false};
        return (Set<PluginBundle>) load.invoke(null, arguments);
    }

    /** `GET /` lives in a module that Maven Central does not have; clients and checks ask for it. */
    private static void addRootPage(HttpServerTransport http, ClusterService cluster) throws ReflectiveOperationException {
        var field = AbstractHttpServerTransport.class.getDeclaredField("dispatcher");
        field.setAccessible(true);
        RestController controller = (RestController) field.get(http);
        RestHandler page = (request, channel, client) -> {
            Build build = Build.current();
            XContentBuilder body = channel.newBuilder().startObject();
            body.field("name", cluster.getNodeName());
            body.field("cluster_name", cluster.getClusterName().value());
            body.field("cluster_uuid", cluster.state().metadata().clusterUUID());
            body.startObject("version").field("number", build.qualifiedVersion()).field("build_flavor", build.flavor()).endObject();
            body.field("tagline", "You Know, for Search").endObject();
            channel.sendResponse(new RestResponse(RestStatus.OK, body));
        };
        for (RestRequest.Method method : new RestRequest.Method[] {RestRequest.Method.GET, RestRequest.Method.HEAD}) {
            controller.registerHandler(new RestHandler.Route(method, "/"), page);
        }
    }

    private static void close(Node node) {
        try {
            node.prepareForClose();
            node.close();
            node.awaitClose(20, TimeUnit.SECONDS);
        } catch (Exception problem) {
            problem.printStackTrace();
        }
    }
}
